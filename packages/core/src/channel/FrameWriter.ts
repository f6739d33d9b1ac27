/**
 * Writes values as frames: into the ring, or beside it where they are too large or own buffers.
 * Synchronous; whoever uses it decides what to do when there is no room.
 *
 * @since 0.1.0
 */
import { ByteMemory } from "../ring/ByteMemory.ts"
import { attached, Kind } from "../ring/Frame.ts"
import type { LaneProducer } from "../ring/LaneProducer.ts"
import type { SenderPort } from "../ring/SenderPort.ts"
import type { FrameCodec } from "./FrameCodec.ts"
import { Outbox } from "./Post.ts"

/** Larger encodings than this cannot be named by a frame beside the ring, in bytes. */
const maxBeside = 0x7ffffff0

/** Payload of a frame whose message travels beside the ring: its length and its kind. */
const besidePayload = 8

/**
 * A message that was encoded before there was room for it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Encoded {
  readonly kind: number
  readonly bytes: number
  readonly memory: ByteMemory
}

/**
 * @category models
 * @since 0.1.0
 */
export class FrameWriter {
  readonly port: SenderPort
  private readonly memory: ByteMemory
  private readonly maxPayload: number
  private readonly outboxes: Array<Outbox | undefined> = []
  private wanted = 0

  constructor(port: SenderPort) {
    this.port = port
    this.memory = port.mesh.memory
    this.maxPayload = port.maxPayload
  }

  /**
   * Writes one message as a frame of `kind`. False means that there is no room or no receiver now,
   * and that nothing has changed. Throws a `CodecError` if the value does not fit the schema, a
   * `RangeError` if it is larger than a message may be; nothing has changed then either.
   */
  write<A>(codec: FrameCodec<A>, value: A, kind: number): boolean {
    const lane = this.port.lane()
    if (lane === undefined) return false
    const bound = codec.fixedSize ?? codec.bound(value)
    if (bound > this.maxPayload) {
      return this.reserve(lane, besidePayload) >= 0 && this.writeBeside(lane, this.encode(codec, value, kind))
    }
    const offset = this.reserve(lane, bound)
    if (offset < 0) return false
    // A value that failed half way may have left its buffers behind.
    if (this.memory.attachments.length !== 0) this.memory.attachments = []
    const bytes = codec.write(this.memory, offset, value) - offset
    this.commit(lane, bytes, kind, this.memory)
    return true
  }

  /** Encodes a message apart from the ring, to be written later. Throws as `write` does. */
  encode<A>(codec: FrameCodec<A>, value: A, kind: number): Encoded {
    const bound = codec.fixedSize ?? codec.bound(value)
    if (bound > maxBeside) {
      throw new RangeError(`a message of up to ${bound} bytes; at most ${maxBeside} can be sent`)
    }
    // Shared memory, so that it can be sent again to the successor of a receiver that died.
    const memory = new ByteMemory(new SharedArrayBuffer((bound + 15) & ~7))
    return { kind, bytes: codec.write(memory, 0, value), memory }
  }

  /** Writes what `encode` prepared; false as for `write`. */
  writeEncoded(message: Encoded): boolean {
    const lane = this.port.lane()
    if (lane === undefined) return false
    const beside = message.bytes > this.maxPayload
    const offset = this.reserve(lane, beside ? besidePayload : message.bytes)
    if (offset < 0) return false
    if (beside) return this.writeBeside(lane, message)
    this.memory.u8.set(message.memory.u8.subarray(0, message.bytes), offset)
    this.commit(lane, message.bytes, message.kind, message.memory)
    return true
  }

  private reserve(lane: LaneProducer, bytes: number): number {
    const offset = lane.reserve(bytes)
    if (offset < 0) this.wanted = bytes
    return offset
  }

  private commit(lane: LaneProducer, bytes: number, kind: number, memory: ByteMemory): void {
    if (memory.attachments.length === 0) {
      lane.commit(bytes, kind)
    } else {
      lane.commit(bytes, kind | attached)
      this.post(lane, memory.attachments)
      memory.attachments = []
    }
  }

  private writeBeside(lane: LaneProducer, message: Encoded): boolean {
    const offset = lane.reserve(besidePayload)
    this.memory.view.setInt32(offset, message.bytes, true)
    this.memory.view.setInt32(offset + 4, message.kind, true)
    lane.commit(besidePayload, Kind.Beside | attached)
    this.post(lane, [message.memory.buffer, ...message.memory.attachments])
    return true
  }

  private post(lane: LaneProducer, buffers: ReadonlyArray<ArrayBufferLike>): void {
    const { mesh, slot, target } = this.port
    let outbox = this.outboxes[target]
    if (outbox === undefined) {
      outbox = new Outbox({ mesh: mesh.id, sender: slot, receiver: target }, (sequence) => lane.isAcked(sequence))
      this.outboxes[target] = outbox
    }
    outbox.post(lane.lastSequence, buffers)
  }

  /** Whether the message that found no room last would find it now. */
  hasRoom(): boolean {
    const lane = this.port.lane()
    if (lane !== undefined && lane.reserve(this.wanted) >= 0) return true
    // Nothing was committed: this only lets the next look choose among the receivers again.
    this.port.publish()
    return false
  }

  /** Whether buffers wait in this thread for a receiver to ask for them. */
  get waiting(): boolean {
    return this.outboxes.some((outbox) => outbox?.waiting === true)
  }

  /** Makes everything written so far visible. */
  publish(): void {
    this.port.publish()
  }

  close(): void {
    this.port.close()
    for (const outbox of this.outboxes) outbox?.close()
  }
}
