/**
 * The receiving half of a channel, attached to one thread and used by one fiber at a time.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import { type Input as DurationInput, toMillis } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { type Codec, CodecError } from "../codec/Codec.ts"
import { ReceiveError, Timeout } from "../errors/Errors.ts"
import { Kind } from "../ring/Frame.ts"
import { RingFault } from "../ring/RingFault.ts"
import type { AckPolicy } from "./ChannelOptions.ts"
import { Mail } from "./Ends.ts"
import { type FrameReader, LostPayload } from "./FrameReader.ts"
import { Waiter, type WaitStrategy } from "./WaitStrategy.ts"

/**
 * - **Ordering**: the messages of one sender come in the order they were sent; senders take turns.
 * - **Blocking**: `receive` and `receiveAll` wait for a message; interrupting the wait loses none.
 * - **Closing**: once every sender closed and everything was read they fail with `ReceiveError`
 *   (`Closed`), or `SenderDied` if a sender's thread died instead; `stream` ends, or fails. A
 *   message that cannot be decoded fails once and is passed; the next call goes on after it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Receiver<out A> {
  readonly channel: string
  readonly receive: Effect.Effect<A, ReceiveError>
  /** At least one message and at most `max` (256), as many as are there. */
  readonly receiveAll: (max?: number) => Effect.Effect<ReadonlyArray<A>, ReceiveError>
  /** `receiveAll` that fails with `Timeout` when nothing comes for `duration`. */
  readonly receiveAllWithin: (
    max: number,
    duration: DurationInput
  ) => Effect.Effect<ReadonlyArray<A>, ReceiveError | Timeout>
  /** A message if there is one now. */
  readonly tryReceive: Effect.Effect<Option.Option<A>, ReceiveError>
  /** All messages until the end, in arrays of at most 256. Running it twice continues, not repeats. */
  readonly stream: Stream.Stream<A, ReceiveError>
  /** Acknowledges everything handed out so far; what policy `batch` asks for. */
  readonly ack: Effect.Effect<void>
  /** Closes this receiver for good; what it did not acknowledge is left to other receivers. */
  readonly close: Effect.Effect<void>
}

const defaultMax = 256

/**
 * @category models
 * @since 0.1.0
 */
export class ReceiverImpl<A> implements Receiver<A> {
  readonly channel: string
  readonly receive: Effect.Effect<A, ReceiveError>
  readonly tryReceive: Effect.Effect<Option.Option<A>, ReceiveError>
  readonly stream: Stream.Stream<A, ReceiveError>
  readonly ack: Effect.Effect<void>
  readonly close: Effect.Effect<void>
  private readonly reader: FrameReader
  private readonly codec: Codec<A>
  private readonly policy: AckPolicy
  private readonly waiter: Waiter
  /**
   * Taken from the ring, not yet with the caller. A fiber may be interrupted between the two, when
   * its scheduler takes a turn: what is here is handed to the next call, so nothing is lost.
   */
  private taken: Array<A> = []
  private failure: ReceiveError | undefined
  private readonly handOver: Effect.Effect<ReadonlyArray<A>>
  private readonly handOverOne: Effect.Effect<A>

  constructor(channel: string, reader: FrameReader, codec: Codec<A>, policy: AckPolicy, wait: WaitStrategy) {
    this.channel = channel
    this.reader = reader
    this.codec = codec
    this.policy = policy
    this.waiter = new Waiter(new Mail(reader), wait)
    // `Effect.sync` passes its value to the continuation in one step: no interruption in between.
    this.handOver = Effect.sync(() => {
      const taken = this.taken
      this.taken = []
      return taken
    })
    this.handOverOne = Effect.sync(() => this.taken.shift() as A)
    this.receive = Effect.suspend(() => this.step(1, this.handOverOne))
    this.tryReceive = Effect.suspend(() => {
      this.acknowledgePrevious()
      return this.fill(1) ? Effect.map(this.handOverOne, Option.some) : this.orFailure(Effect.succeedNone)
    })
    this.ack = Effect.sync(() => reader.port.ack())
    this.close = Effect.sync(() => reader.close())
    const pull = Effect.catchIf(
      this.receiveAll() as Effect.Effect<readonly [A, ...Array<A>], ReceiveError>,
      (error) => error.reason === "Closed",
      () => Cause.done()
    )
    this.stream = Stream.fromPull(Effect.succeed(pull))
  }

  receiveAll(max: number = defaultMax): Effect.Effect<ReadonlyArray<A>, ReceiveError> {
    return Effect.suspend(() => this.step(max, this.handOver))
  }

  receiveAllWithin(
    max: number,
    duration: DurationInput
  ): Effect.Effect<ReadonlyArray<A>, ReceiveError | Timeout> {
    return Effect.timeoutOrElse(this.receiveAll(max), {
      duration,
      orElse: () =>
        Effect.suspend(() => {
          this.reader.port.countError()
          return Effect.fail(
            new Timeout({ operation: `channel ${this.channel}: receive`, millis: toMillis(duration), unsent: [] })
          )
        })
    })
  }

  private step<B>(max: number, handOver: Effect.Effect<B>): Effect.Effect<B, ReceiveError> {
    this.acknowledgePrevious()
    if (this.fill(max)) return handOver
    return this.orFailure(
      Effect.suspend(() => {
        const ended = this.ended()
        if (ended === "again") return this.step(max, handOver)
        if (ended !== undefined) return Effect.fail(ended)
        return Effect.flatMap(this.waiter.wait(true), () => this.step(max, handOver))
      })
    )
  }

  private acknowledgePrevious(): void {
    if (this.policy === "after" && this.taken.length === 0) this.reader.port.ack()
  }

  private orFailure<B>(otherwise: Effect.Effect<B, ReceiveError>): Effect.Effect<B, ReceiveError> {
    const failure = this.failure
    if (failure === undefined) return otherwise
    this.failure = undefined
    this.reader.port.countError()
    return Effect.fail(failure)
  }

  /** Takes up to `max` messages from the ring; false if there are none, or the first one is a failure. */
  private fill(max: number): boolean {
    if (this.taken.length > 0) return true
    if (this.failure !== undefined) return false
    const { codec, reader, taken } = this
    try {
      while (taken.length < max && reader.next() !== Kind.Empty) {
        taken.push(reader.read(codec))
        reader.advance()
      }
    } catch (cause) {
      this.failure = this.toReceiveError(cause)
      if (!(cause instanceof RingFault)) reader.advance()
    }
    reader.port.publishRead()
    if (this.policy === "before") reader.port.ack()
    return taken.length > 0
  }

  private toReceiveError(cause: unknown): ReceiveError {
    const { channel } = this
    if (cause instanceof RingFault) {
      return new ReceiveError({ channel, reason: "Corrupt", detail: cause.message, offset: cause.offset })
    }
    if (cause instanceof CodecError) {
      return new ReceiveError({ channel, reason: "Decode", detail: cause.message, offset: cause.offset })
    }
    if (cause instanceof LostPayload) return new ReceiveError({ channel, reason: "Lost", detail: cause.message })
    return new ReceiveError({ channel, reason: "Decode", detail: String(cause), cause })
  }

  private ended(): ReceiveError | "again" | undefined {
    const { reader } = this
    const status = reader.port.status()
    if (status === "open") return undefined
    // A sender publishes before it closes: only what is empty after the status was read is final.
    if (reader.ready() || reader.port.scout()) return "again"
    reader.port.countError()
    return status === "closed"
      ? new ReceiveError({ channel: this.channel, reason: "Closed", detail: "every sender closed and all was read" })
      : new ReceiveError({
          channel: this.channel,
          reason: "SenderDied",
          detail: "the thread of a sender is gone; all that it published was read"
        })
  }
}
