/**
 * Reads frames back into values. Synchronous: finds the next frame, decodes it by whatever codec
 * its kind asks for, and passes it.
 *
 * A frame whose buffers have not arrived yet holds back those of the other senders too: it is
 * there already, and only its buffers are one turn of their sender's event loop away.
 *
 * @since 0.1.0
 */
import { CodecError } from "../codec/CodecError.ts"
import { ByteMemory } from "../ring/ByteMemory.ts"
import * as Doorbell from "../ring/Doorbell.ts"
import { attached, besidePayload, Kind } from "../ring/Frame.ts"
import { closedBy, Endpoint, EndpointState, ownerOf, stateOf } from "../ring/layout.ts"
import type { ReceiverPort } from "../ring/ReceiverPort.ts"
import { RingFault } from "../ring/RingFault.ts"
import type { FrameCodec } from "./FrameCodec.ts"
import { Inbox } from "./Post.ts"

/**
 * A frame whose buffers will never come: they died with the receiver that they were moved to, or
 * with the sender before anybody asked for them.
 *
 * @category errors
 * @since 0.1.0
 */
export class LostPayload extends Error {
  override readonly name = "LostPayload"
}

/**
 * @category models
 * @since 0.1.0
 */
export class FrameReader {
  readonly port: ReceiverPort
  private readonly inboxes: Array<Inbox | undefined> = []
  /** The buffers of the frame that `next` found, and where they came from. */
  private buffers: ReadonlyArray<ArrayBufferLike> | "lost" | undefined
  private inbox: Inbox | undefined
  private sequence = 0
  private beside = false
  /** Bytes of the buffers found so far; whoever limits them sets it back. */
  bytesBeside = 0
  /** The frame that is there without its buffers. */
  private awaited: Inbox | undefined
  private awaitedSequence = 0
  private awaitedLane = 0

  constructor(port: ReceiverPort) {
    this.port = port
  }

  /**
   * Finds the next frame and returns its kind, or 0 if there is none, or none whose buffers have
   * arrived. Finds the same frame again until `advance`, unless a more urgent one comes. Throws a
   * `RingFault` on corrupt memory.
   */
  next(): number {
    const found = this.port.next()
    if (this.buffers !== undefined) this.forget()
    return found < attached ? found : this.collect(found & ~attached)
  }

  private forget(): void {
    this.buffers = undefined
    this.inbox = undefined
    this.beside = false
  }

  private collect(kind: number): number {
    const { lane, laneIndex } = this.port
    const inbox = (this.inboxes[laneIndex] ??= this.openInbox())
    const buffers = inbox.request(lane.count)
    if (buffers === undefined) {
      this.awaited = inbox
      this.awaitedSequence = lane.count
      this.awaitedLane = laneIndex
      return Kind.Empty
    }
    if (this.awaited === inbox) this.awaited = undefined
    if (this.buffers === undefined && buffers !== "lost") {
      for (const buffer of buffers) this.bytesBeside += buffer.byteLength
    }
    this.buffers = buffers
    this.inbox = inbox
    this.sequence = lane.count
    this.beside = kind === Kind.Beside
    return this.beside ? this.kindBeside() : kind
  }

  /** The kind of the message that the frame found by `next` stands for. */
  private kindBeside(): number {
    const { lane, mesh } = this.port
    const kind = lane.length === besidePayload ? mesh.memory.view.getInt32(lane.offset + 4, true) : Kind.Empty
    if (kind === Kind.Data || (kind >= Kind.user && kind < attached)) return kind
    const detail = `${lane.length} bytes stand for a message of kind ${kind} beside the ring`
    throw new RingFault("corrupt", detail, lane.offset)
  }

  private openInbox(): Inbox {
    const { column, mesh, sender } = this.port
    return new Inbox(
      { mesh: mesh.id, sender, receiver: column },
      {
        owner: () => ownerOf(mesh.endpoint(sender, Endpoint.state)),
        isDead: () => {
          const word = mesh.endpoint(sender, Endpoint.state)
          return stateOf(word) === EndpointState.Dead || word === closedBy(0)
        }
      },
      () => Doorbell.ring(mesh.memory, this.port.bell)
    )
  }

  /** Whether the buffers of the frame that `next` found will never come: it can be passed, and not read. */
  get isLost(): boolean {
    const { beside, buffers } = this
    return buffers !== undefined && (buffers === "lost" || (beside && buffers.length === 0))
  }

  /** Whether `next` would find something. Never throws: a fault is found by `next`. */
  ready(): boolean {
    try {
      if (this.port.next() === Kind.Empty) return false
    } catch {
      return true
    }
    const { awaited, awaitedLane, awaitedSequence, port } = this
    if (awaited === undefined || port.laneIndex !== awaitedLane || port.lane.count !== awaitedSequence) return true
    return awaited.has(awaitedSequence)
  }

  /**
   * Whether a frame is there whose buffers are not: nothing of it can be read yet, but it is not
   * the end either.
   */
  get isAwaiting(): boolean {
    return this.awaited !== undefined
  }

  /**
   * Decodes the frame that `next` found. Throws a `CodecError`, or `LostPayload`. The frame is
   * passed by `advance`, whether it decoded or not.
   */
  read<A>(codec: FrameCodec<A>): A {
    const { lane } = this.port
    const { memory } = this.port.mesh
    if (this.buffers === undefined) return codec.read(memory, lane.offset, lane.offset + lane.length)
    if (this.buffers === "lost") throw new LostPayload("the buffers that travelled beside this message are gone")
    if (!this.beside) {
      memory.attachments = [...this.buffers]
      try {
        return codec.read(memory, lane.offset, lane.offset + lane.length)
      } finally {
        memory.attachments = []
      }
    }
    const bytes = memory.view.getInt32(lane.offset, true)
    const [whole, ...rest] = this.buffers
    if (whole === undefined || bytes < 0 || bytes > whole.byteLength) {
      throw new CodecError("$", `${bytes} bytes beside the ring, of ${whole?.byteLength ?? 0}`, lane.offset)
    }
    const standalone = new ByteMemory(whole)
    standalone.attachments = rest
    return codec.read(standalone, 0, bytes)
  }

  /**
   * Reads and passes frames of one kind, from the one that `next` found on, into `out` from index
   * `from` until index `to`, as long as that is plain going. Returns how many; 0 if that frame is
   * for `read`.
   */
  take<A>(codec: FrameCodec<A>, kind: number, out: Array<A>, from: number, to: number): number {
    return this.buffers === undefined ? this.port.take(codec, kind, out, from, to) : 0
  }

  /** Shows the bytes of the frame that `next` found: those in the ring, or those beside it. */
  readWith(f: (memory: ByteMemory, offset: number, end: number) => void): void {
    const { lane } = this.port
    if (!this.beside) return f(this.port.mesh.memory, lane.offset, lane.offset + lane.length)
    const { buffers } = this
    if (Array.isArray(buffers) && buffers.length > 0) f(new ByteMemory(buffers[0]), 0, buffers[0].byteLength)
  }

  /** Passes the frame that `next` found. */
  advance(): void {
    if (this.buffers !== undefined) {
      this.inbox?.drop(this.sequence)
      this.forget()
    }
    this.port.advance()
  }

  close(): void {
    this.port.close()
    for (const inbox of this.inboxes) inbox?.close()
  }
}
