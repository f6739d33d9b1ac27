/**
 * Writes values as frames: into the ring, or beside it where they are too large or own buffers.
 * Synchronous; whoever uses it decides what to do when there is no room.
 *
 * Beside the ring room is counted in bytes: while more than `besideBytes` wait for one receiver,
 * nothing more is written to it.
 *
 * @since 0.1.0
 */
import { ByteMemory } from "../ring/ByteMemory.ts"
import { attached, besidePayload, Kind } from "../ring/Frame.ts"
import { Endpoint, EndpointState } from "../ring/layout.ts"
import type { LaneProducer } from "../ring/LaneProducer.ts"
import type { SenderPort } from "../ring/SenderPort.ts"
import type { FrameCodec } from "./FrameCodec.ts"
import { Outbox } from "./Post.ts"

/** Larger encodings than this cannot be named by a frame beside the ring, in bytes. */
const maxBeside = 0x7ffffff0

/** Bytes that may wait beside the ring for one receiver, if the ring itself is not larger. One message always may. */
const leastBesideBytes = 32 * 1_048_576

/** Bytes that small messages are encoded into together while there is no room for them. */
const chunkBytes = 65_536

/** How often a closed writer looks whether its buffers were asked for, in milliseconds. */
const lingerPollMillis = 5

/**
 * A message that was encoded before there was room for it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Encoded {
  readonly kind: number
  readonly memory: ByteMemory
  readonly offset: number
  readonly bytes: number
  readonly attachments: ReadonlyArray<ArrayBufferLike>
}

const nothingAttached: ReadonlyArray<ArrayBufferLike> = []

/**
 * @category models
 * @since 0.1.0
 */
export class FrameWriter {
  readonly port: SenderPort
  private readonly memory: ByteMemory
  private readonly maxPayload: number
  private readonly besideBytes: number
  private readonly outboxes: Array<Outbox | undefined> = []
  /** Whether too much waited beside some lane when last looked. */
  private crowded = false
  private wanted = 0
  /** See `writeAll`. */
  failedAt = 0
  private chunk: ByteMemory | undefined
  private chunkUsed = 0
  private linger: ReturnType<typeof setInterval> | undefined
  private readonly keeps: boolean

  /** @param keeps whether a successor of the receiver gets moved buffers, too: they are copied on their way then */
  constructor(port: SenderPort, keeps = false) {
    this.port = port
    this.keeps = keeps
    this.memory = port.mesh.memory
    this.maxPayload = port.maxPayload
    this.besideBytes = Math.max(leastBesideBytes, port.mesh.laneBytes)
  }

  /**
   * Writes one message as a frame of `kind`. False means that there is no room or no receiver now,
   * and that nothing has changed. Throws a `CodecError` if the value does not fit the schema, a
   * `RangeError` if it is larger than a message may be; nothing has changed then either.
   */
  write<A>(codec: FrameCodec<A>, value: A, kind: number): boolean {
    const lane = this.port.lane()
    if (lane === undefined || (this.crowded && this.isCrowded())) return false
    const bound = codec.fixedSize ?? codec.bound(value)
    if (bound > this.maxPayload) {
      return this.reserve(lane, besidePayload) >= 0 && this.writeBeside(lane, this.encode(codec, value, kind))
    }
    const offset = this.reserve(lane, bound)
    if (offset < 0) return false
    // A value that failed half way may have left its buffers behind.
    if (this.memory.attachments.length !== 0) this.memory.attachments = []
    const bytes = codec.write(this.memory, offset, value) - offset
    if (this.memory.attachments.length === 0) {
      lane.commit(bytes, kind)
    } else {
      lane.commit(bytes, kind | attached)
      this.post(lane, this.memory.attachments)
      this.memory.attachments = []
    }
    return true
  }

  /**
   * Writes messages `from` to `to` and returns the index of the first that found no room. Throws as
   * `write` does; `failedAt` then is the index of the message to blame, and those before are written.
   */
  writeAll<A>(codec: FrameCodec<A>, messages: ReadonlyArray<A>, from: number, to: number, kind: number): number {
    let index = from
    while (index < to) {
      const lane = this.port.lane()
      const start = index
      const before = lane === undefined ? 0 : lane.lastSequence
      try {
        if (lane !== undefined && !codec.mayAttach && !this.crowded) {
          index = lane.put(codec, kind, messages, index, to)
          if (index === to) break
        }
        if (!this.write(codec, messages[index], kind)) break
        index++
      } catch (error) {
        this.failedAt = lane === undefined ? start : start + ((lane.lastSequence - before) | 0)
        throw error
      }
    }
    return index
  }

  /** Encodes a message apart from the ring, to be written later. Throws as `write` does. */
  encode<A>(codec: FrameCodec<A>, value: A, kind: number): Encoded {
    const bound = codec.fixedSize ?? codec.bound(value)
    if (bound > maxBeside) {
      throw new RangeError(`a message of up to ${bound} bytes; at most ${maxBeside} can be sent`)
    }
    const shared = bound > this.maxPayload
    const memory = shared ? besideMemory(bound) : this.chunkFor(bound)
    const offset = shared ? 0 : this.chunkUsed
    memory.attachments = []
    const end = codec.write(memory, offset, value)
    if (!shared) this.chunkUsed = (end + 7) & ~7
    const attachments = memory.attachments.length === 0 ? nothingAttached : memory.attachments
    return { kind, memory, offset, bytes: end - offset, attachments }
  }

  private chunkFor(bound: number): ByteMemory {
    if (this.chunk === undefined || this.chunkUsed + bound > this.chunk.u8.length) {
      this.chunk = new ByteMemory(new ArrayBuffer(Math.max(chunkBytes, (bound + 7) & ~7)))
      this.chunkUsed = 0
    }
    return this.chunk
  }

  /** Writes what `encode` prepared; false as for `write`. */
  writeEncoded(message: Encoded): boolean {
    const lane = this.port.lane()
    if (lane === undefined || (this.crowded && this.isCrowded())) return false
    const { attachments, bytes, kind, memory } = message
    const beside = bytes > this.maxPayload
    const offset = this.reserve(lane, beside ? besidePayload : bytes)
    if (offset < 0) return false
    if (beside) return this.writeBeside(lane, message)
    this.memory.u8.set(memory.u8.subarray(message.offset, message.offset + bytes), offset)
    if (attachments.length === 0) {
      lane.commit(bytes, kind)
    } else {
      lane.commit(bytes, kind | attached)
      this.post(lane, attachments)
    }
    return true
  }

  private reserve(lane: LaneProducer, bytes: number): number {
    const offset = lane.reserve(bytes)
    if (offset < 0) this.wanted = bytes
    return offset
  }

  private writeBeside(lane: LaneProducer, message: Encoded): boolean {
    const offset = lane.reserve(besidePayload)
    this.memory.view.setInt32(offset, message.bytes, true)
    this.memory.view.setInt32(offset + 4, message.kind, true)
    lane.commit(besidePayload, Kind.Beside | attached)
    this.post(lane, [message.memory.buffer, ...message.attachments])
    return true
  }

  private post(lane: LaneProducer, buffers: ReadonlyArray<ArrayBufferLike>): void {
    const { mesh, slot, target } = this.port
    let outbox = this.outboxes[target]
    if (outbox === undefined) {
      const endpoint = mesh.receiverEndpoint(target)
      outbox = Outbox.of(
        { mesh: mesh.id, sender: slot, receiver: target },
        {
          isAcked: (sequence) => lane.isAcked(sequence),
          isWanted: () => this.isWanted(),
          incarnation: () =>
            mesh.state(endpoint) === EndpointState.Dead ? -1 : mesh.endpoint(endpoint, Endpoint.generation)
        },
        this.keeps
      )
      this.outboxes[target] = outbox
    }
    outbox.post(lane.lastSequence, buffers)
    this.crowded ||= outbox.unacknowledged > this.besideBytes
  }

  /** Whether too much waits beside the current lane. Recomputes `crowded`, so that it ends with the crowd. */
  private isCrowded(): boolean {
    const isFull = (outbox: Outbox | undefined): boolean =>
      outbox !== undefined && outbox.unacknowledged > this.besideBytes
    this.crowded = this.outboxes.some(isFull)
    return this.crowded && isFull(this.outboxes[this.port.target])
  }

  /** Whether the message that found no room last would find it now. */
  hasRoom(): boolean {
    const lane = this.port.lane()
    if (lane !== undefined && lane.reserve(this.wanted) >= 0 && !(this.crowded && this.isCrowded())) return true
    // Nothing was committed: this only lets the next look choose among the receivers again.
    this.port.publish()
    return false
  }

  /** Whether buffers wait in this thread for a receiver to ask for them. */
  get waiting(): boolean {
    return this.outboxes.some((outbox) => outbox?.waiting === true)
  }

  /** Whether buffers are still only here, and would be lost with this thread. */
  get isUnfetched(): boolean {
    return this.waiting && this.port.status() === "open"
  }

  /** Whether a receiver is there, or may come, that could ask for buffers. */
  private isWanted(): boolean {
    const { mesh } = this.port
    for (let r = 0; r < mesh.receivers; r++) {
      const state = mesh.state(mesh.receiverEndpoint(r))
      if (state === EndpointState.Attached) return true
      if (mesh.isShut) continue
      if (state === EndpointState.Reserved || (state === EndpointState.Dead && mesh.awaitSuccessor)) return true
    }
    return false
  }

  /** Makes everything written so far visible. */
  publish(): void {
    this.port.publish()
  }

  /**
   * Publishes and closes. The receiver finds the thread that has the buffers through the sender's
   * endpoint: while some wait to be asked for, the endpoint stays attached and the thread alive,
   * as long as a receiver is there or may come.
   */
  close(): void {
    this.port.publish()
    if (this.linger !== undefined) return
    if (!this.waiting || !this.isWanted()) return this.release()
    this.linger = setInterval(() => {
      if (!this.waiting || !this.isWanted()) this.release()
    }, lingerPollMillis)
  }

  private release(): void {
    clearInterval(this.linger)
    this.port.close()
    for (const outbox of this.outboxes) outbox?.close()
  }
}

/** Shared, so that it can be sent again to the successor of a receiver that died. */
const besideMemory = (bytes: number): ByteMemory => new ByteMemory(new SharedArrayBuffer((bytes + 15) & ~7))
