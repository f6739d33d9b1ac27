/**
 * A worker's way back: replies to requests, as frames in its owner's reply channel.
 *
 * A reply that finds no room is kept, encoded, until the owner reads; the worker waits with further
 * messages meanwhile.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { FrameCodec } from "../channel/FrameCodec.ts"
import { CodecError } from "../codec/CodecError.ts"
import { Room } from "../channel/Ends.ts"
import type { Encoded, FrameWriter } from "../channel/FrameWriter.ts"
import * as Poll from "../channel/Poll.ts"
import { Waiter, type WaitStrategy } from "../channel/WaitStrategy.ts"
import { WorkerPanicked } from "../errors/Errors.ts"
import { Envelope, EnvelopeKind, now, ReplyStatus } from "./Envelope.ts"
import * as Wire from "./Wire.ts"

/**
 * @category models
 * @since 0.1.0
 */
export class Replier {
  private readonly workerId: string
  private readonly writer: FrameWriter
  private readonly waiter: Waiter
  /** By the codec of what is in them. */
  private readonly envelopes = new Map<unknown, unknown>()
  private readonly ends = new Envelope<void>(nothing)
  private backlog: Array<Encoded> = []

  constructor(workerId: string, writer: FrameWriter, wait: WaitStrategy) {
    this.workerId = workerId
    this.writer = writer
    this.waiter = new Waiter(new Room(writer), wait)
  }

  private write<A>(envelope: Envelope<A>, id: number, status: number, value: A): void {
    const { head } = envelope
    head.id = id
    head.detail = status
    head.timestamp = now()
    if (this.backlog.length > 0 || !this.writer.write(envelope, value, EnvelopeKind.Reply)) {
      this.backlog.push(this.writer.encode(envelope, value, EnvelopeKind.Reply))
    }
  }

  /**
   * Sends an answer. One that does not fit its schema becomes a panic for whoever asked: it is the
   * handler that broke the contract. `tag` names the request.
   */
  answer<A>(id: number, status: number, codec: FrameCodec<A>, value: A, tag = "reply"): void {
    const misfit = this.tell(id, status, codec, value)
    if (misfit === undefined) return
    const detail = `its answer does not fit its schema: ${misfit.message}`
    this.panic(id, new WorkerPanicked({ worker: this.workerId, phase: tag, detail }))
  }

  /** Sends what nobody waits for by this number, or gives the reason why it does not fit its schema. */
  tell<A>(id: number, status: number, codec: FrameCodec<A>, value: A): Error | undefined {
    try {
      this.write(this.envelopeOf(codec), id, status, value)
      return undefined
    } catch (cause) {
      if (!(cause instanceof CodecError) && !(cause instanceof RangeError)) throw cause
      return cause
    }
  }

  private envelopeOf<A>(codec: FrameCodec<A>): Envelope<A> {
    let envelope = this.envelopes.get(codec) as Envelope<A> | undefined
    if (envelope === undefined) {
      envelope = new Envelope(codec)
      this.envelopes.set(codec, envelope)
    }
    return envelope
  }

  /** Ends a streaming answer. */
  end(id: number): void {
    this.write(this.ends, id, ReplyStatus.End, undefined)
  }

  panic(id: number, error: WorkerPanicked): void {
    this.write(this.envelopeOf(Wire.panic()), id, ReplyStatus.Panic, error)
  }

  publish(): void {
    this.writer.publish()
  }

  /** Whether replies wait for room, or large ones to be fetched: they would be lost with this thread. */
  get full(): boolean {
    return this.backlog.length > 0 || this.writer.isUnfetched
  }

  /** Publishes, and waits until every reply is with the owner, or on its way there. */
  readonly flush: Effect.Effect<void> = Effect.suspend(() => {
    const { backlog, writer } = this
    let moved = 0
    while (moved < backlog.length && writer.writeEncoded(backlog[moved])) moved++
    writer.publish()
    if (moved > 0) this.backlog = backlog.slice(moved)
    // Nobody is left to read: the owner is gone, and with it whoever asked.
    if (!this.full || writer.port.status() !== "open") return Effect.void
    const wait = this.backlog.length > 0 ? this.waiter.wait(true) : Poll.until(() => !this.writer.isUnfetched)
    return Effect.flatMap(wait, () => this.flush)
  })

  /** Waits until the owner has every reply: a large one is fetched from this thread, which must be there. */
  readonly finish: Effect.Effect<void> = Effect.suspend(() => {
    const { port } = this.writer
    return Effect.andThen(
      this.flush,
      Poll.until(() => port.depth === 0 || port.status() !== "open")
    )
  })
}

const nothing: FrameCodec<void> = {
  fixedSize: 0,
  mayAttach: false,
  bound: () => 0,
  write: (_memory, offset) => offset,
  read: () => undefined
}
