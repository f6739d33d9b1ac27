/**
 * The receiving half of a channel, attached to one thread and used by one fiber at a time.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type { Input as DurationInput } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { type Codec, CodecError } from "../codec/Codec.ts"
import { InvalidConfig, ReceiveError, Timeout } from "../errors/Errors.ts"
import { durations, millisOf } from "../errors/Options.ts"
import { Kind } from "../ring/Frame.ts"
import { RingFault } from "../ring/RingFault.ts"
import type { AckPolicy } from "./ChannelOptions.ts"
import * as Deadline from "./Deadline.ts"
import { Mail } from "./Ends.ts"
import { type FrameReader, LostPayload } from "./FrameReader.ts"
import { Waiter, type WaitStrategy } from "./WaitStrategy.ts"

/**
 * - **Ordering**: the messages of one sender come in the order they were sent; senders take turns.
 *   What another receiver left behind when it closed comes in its own order, between the others.
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
  /** `receive` that fails with `Timeout` when nothing comes for `duration`, and with `InvalidConfig` for what is none. */
  readonly receiveWithin: (duration: DurationInput) => Effect.Effect<A, ReceiveError | Timeout | InvalidConfig>
  /**
   * At least one message and at most `max` (256), as many as are there. A `max` that is no whole
   * number from 1 is a defect.
   */
  readonly receiveAll: (max?: number) => Effect.Effect<ReadonlyArray<A>, ReceiveError>
  /** `receiveAll` that fails as `receiveWithin` does when nothing comes for `duration`. */
  readonly receiveAllWithin: (
    max: number,
    duration: DurationInput
  ) => Effect.Effect<ReadonlyArray<A>, ReceiveError | Timeout | InvalidConfig>
  /** A message if there is one now. */
  readonly tryReceive: Effect.Effect<Option.Option<A>, ReceiveError>
  /**
   * All messages until the end, in arrays of at most 256. Running it twice continues, not repeats.
   * Under policy `after` an array is acknowledged when the next is pulled: a buffer further down
   * pulls ahead of the handling.
   */
  readonly stream: Stream.Stream<A, ReceiveError>
  /** Acknowledges everything handed out so far; what policy `batch` asks for. */
  readonly ack: Effect.Effect<void>
  /** Closes this receiver for good; what it did not acknowledge is left to other receivers. */
  readonly close: Effect.Effect<void>
}

const defaultMax = 256

/** Bytes beside the ring after which a batch is complete: large arrays are cheapest to collect while young. */
const besideBatch = 4 * 1_048_576

/** A receiver that is never out of work looks for new senders after this many batches. */
const scoutEvery = 64

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
  private readonly scratch: Array<A> | undefined
  private failure: ReceiveError | undefined
  private closed = false
  private batches = 0
  private readonly handOver: Effect.Effect<ReadonlyArray<A>>
  private readonly handOverOne: Effect.Effect<A>

  constructor(channel: string, reader: FrameReader, codec: Codec<A>, policy: AckPolicy, wait: WaitStrategy) {
    this.channel = channel
    this.reader = reader
    this.codec = codec
    this.scratch = codec.fixedSize === undefined ? undefined : []
    this.policy = policy
    this.waiter = new Waiter(new Mail(reader, () => this.taken.length > 0), wait)
    // `Effect.sync` passes its value to the continuation in one step: no interruption in between.
    this.handOver = Effect.sync(() => this.hand(defaultMax))
    this.handOverOne = Effect.sync(() => this.taken.shift() as A)
    const handOverSome = Effect.sync(() => Option.some(this.taken.shift() as A))
    this.receive = Effect.suspend(() => this.step(1, this.handOverOne, this.waiter.wait(true)))
    this.tryReceive = Effect.suspend(() => {
      if (this.closed) return this.failClosed
      this.acknowledgePrevious()
      return this.fill(1) ? handOverSome : this.orFailure(Effect.succeedNone)
    })
    this.ack = Effect.sync(() => {
      // What was taken and not handed out is not the caller's to acknowledge: with the next call.
      if (this.taken.length === 0 && !this.closed) reader.port.ack()
    })
    this.close = Effect.sync(() => {
      this.closed = true
      this.taken = []
      reader.close()
    })
    const pull = Effect.catchIf(
      this.receiveAll() as Effect.Effect<readonly [A, ...Array<A>], ReceiveError>,
      (error) => error.reason === "Closed",
      () => Cause.done()
    )
    this.stream = Stream.fromPull(Effect.succeed(pull))
  }

  private hand(max: number): ReadonlyArray<A> {
    const { taken } = this
    // Longer only when a call that asked for more was interrupted.
    if (taken.length > max) return taken.splice(0, max)
    this.taken = []
    return taken
  }

  receiveAll(max: number = defaultMax): Effect.Effect<ReadonlyArray<A>, ReceiveError> {
    return Effect.suspend(() => this.stepAll(max, this.waiter.wait(true)))
  }

  receiveWithin(duration: DurationInput): Effect.Effect<A, ReceiveError | Timeout | InvalidConfig> {
    return this.within(duration, (wait) => this.step(1, this.handOverOne, wait))
  }

  receiveAllWithin(
    max: number,
    duration: DurationInput
  ): Effect.Effect<ReadonlyArray<A>, ReceiveError | Timeout | InvalidConfig> {
    return this.within(duration, (wait) => this.stepAll(max, wait))
  }

  private within<B, E>(
    duration: DurationInput,
    take: (wait: Effect.Effect<void, Timeout>) => Effect.Effect<B, E>
  ): Effect.Effect<B, E | InvalidConfig> {
    return Effect.suspend((): Effect.Effect<B, E | InvalidConfig> => {
      const millis = millisOf(duration)
      if (Number.isNaN(millis)) {
        const option = `channel ${this.channel}: receive.duration`
        return Effect.fail(new InvalidConfig({ option, value: duration, allowed: durations }))
      }
      const onTimeout = () => {
        this.reader.port.countError()
        return new Timeout({ operation: `channel ${this.channel}: receive`, millis, unsent: [] })
      }
      return take(Deadline.make(this.waiter, millis, onTimeout))
    })
  }

  private stepAll<E>(max: number, wait: Effect.Effect<void, E>): Effect.Effect<ReadonlyArray<A>, ReceiveError | E> {
    if (!(max >= 1) || (max !== Infinity && !Number.isInteger(max))) {
      return Effect.die(
        new InvalidConfig({
          option: `channel ${this.channel}: receiveAll.max`,
          value: max,
          allowed: "a whole number of at least 1"
        })
      )
    }
    return this.step(max, max === defaultMax ? this.handOver : Effect.sync(() => this.hand(max)), wait)
  }

  private step<B, E>(
    max: number,
    handOver: Effect.Effect<B>,
    wait: Effect.Effect<void, E>
  ): Effect.Effect<B, ReceiveError | E> {
    if (this.closed) return this.failClosed
    this.acknowledgePrevious()
    if (this.fill(max)) return handOver
    return this.orFailure(
      Effect.suspend(() => {
        const ended = this.ended()
        if (ended === "again") return this.step(max, handOver, wait)
        if (ended !== undefined) return Effect.fail(ended)
        return Effect.flatMap(wait, () => this.step(max, handOver, wait))
      })
    )
  }

  private acknowledgePrevious(): void {
    if (this.policy === "after" && this.taken.length === 0) this.reader.port.ack()
  }

  private orFailure<B, E>(otherwise: Effect.Effect<B, E>): Effect.Effect<B, ReceiveError | E> {
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
    const { codec, reader } = this
    // Messages of a fixed size are collected in an array that is grown already, and copied out at
    // once; others would be kept alive by it.
    const out = this.scratch ?? []
    let count = 0
    reader.port.reached = 0
    reader.bytesBeside = 0
    if (++this.batches % scoutEvery === 0) reader.port.scout()
    try {
      while (count < max && reader.bytesBeside < besideBatch && reader.next() !== Kind.Empty) {
        const many = reader.take(codec, Kind.Data, out, count, max)
        count += many
        if (many > 0) continue
        out[count] = reader.read(codec)
        count++
        reader.advance()
      }
    } catch (cause) {
      count = Math.max(count, reader.port.reached)
      this.failure = this.toReceiveError(cause)
      if (!(cause instanceof RingFault)) reader.advance()
    }
    reader.port.publishRead()
    if (this.policy === "before") reader.port.ack()
    this.taken = out === this.scratch ? out.slice(0, count) : out
    return count > 0
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
    // A message whose buffers are on their way is still to come.
    if (reader.isAwaiting) return undefined
    const { channel } = this
    if (status === "closed") {
      // The end is what a receiver waits for: no error to count.
      const detail = "every sender closed, or the channel did, and all was read"
      return new ReceiveError({ channel, reason: "Closed", detail })
    }
    reader.port.countError()
    const detail = "the thread of a sender is gone; all that it published was read"
    return new ReceiveError({ channel, reason: "SenderDied", detail })
  }

  private readonly failClosed: Effect.Effect<never, ReceiveError> = Effect.failSync(
    () => new ReceiveError({ channel: this.channel, reason: "Closed", detail: "this receiver is closed" })
  )
}
