/**
 * The sending half of a channel, attached to one thread.
 *
 * @since 0.1.0
 */
import type { Input as DurationInput } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Sink from "effect/Sink"
import { type Codec, CodecError } from "../codec/Codec.ts"
import { SendError, Timeout } from "../errors/Errors.ts"
import { millisOf, wrongTimeout } from "../errors/Options.ts"
import { Kind } from "../ring/Frame.ts"
import { RingFault } from "../ring/RingFault.ts"
import type { SendStatus } from "../ring/SenderPort.ts"
import { Backlog } from "./Backlog.ts"
import * as Deadline from "./Deadline.ts"
import { Room } from "./Ends.ts"
import type { FrameWriter } from "./FrameWriter.ts"
import { Waiter, type WaitStrategy } from "./WaitStrategy.ts"

/**
 * - **Ordering**: what one sender sends arrives in the order it was sent, at each receiver.
 * - **Blocking**: `send` and `sendAll` wait while there is no room; `trySend` does not.
 * - **Closing**: what was accepted is published first. Closing the scope that attached it closes the
 *   sender too, but gives what an unbounded one keeps 5 seconds to find room; what does not is
 *   dropped and logged. A receiver sees the end once every sender closed.
 *
 * Any number of fibers of the thread may use it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sender<in A> {
  readonly channel: string
  /**
   * Sends one message, waiting for room. Interrupting the wait sends nothing.
   */
  readonly send: (message: A) => Effect.Effect<void, SendError>
  /**
   * `send` that fails with `Timeout`, which has the message, when the wait exceeds `duration`; with `SendError`
   * (`Encode`), which has it too, for what is no duration.
   */
  readonly sendWithin: (message: A, duration: DurationInput) => Effect.Effect<void, SendError | Timeout>
  /**
   * Sends messages in order, waiting for room as often as it takes. When it fails or is
   * interrupted, a prefix of the messages was accepted; the error has the rest in `unsent`.
   */
  readonly sendAll: (messages: ReadonlyArray<A>) => Effect.Effect<void, SendError>
  /** `sendAll` that fails as `sendWithin` does, with the rest, when the waits exceed `duration`. */
  readonly sendAllWithin: (
    messages: ReadonlyArray<A>,
    duration: DurationInput
  ) => Effect.Effect<void, SendError | Timeout>
  /** Sends one message if there is room now; false if there is none. */
  readonly trySend: (message: A) => Effect.Effect<boolean, SendError>
  /**
   * Closes this sender for good: refuses messages at once, and completes when those that an
   * unbounded sender keeps found room. What was sent before can still be received.
   */
  readonly close: Effect.Effect<void>
  /** A `Sink` that sends what it is given, array by array, and does not close the sender. */
  readonly sink: Sink.Sink<void, A, never, SendError>
}

const detailOf: Record<Exclude<SendStatus, "open">, [SendError["reason"], string]> = {
  closed: ["Closed", "the channel or this sender is closed"],
  "receiver-closed": ["ReceiverClosed", "every receiver closed"],
  "receiver-died": ["ReceiverDied", "the thread of the receiver is gone and no successor attached"]
}

/** Messages that go to one receiver of several before the least loaded is chosen again. */
const stretch = 64

/** Nobody can send through memory that is no channel any more. */
const corrupt = (fault: RingFault): string =>
  `the channel's memory is corrupt at byte ${fault.offset}: ${fault.message}`

const attempt = <A, E>(f: () => Effect.Effect<A, E | SendError>): Effect.Effect<A, E | SendError> =>
  Effect.suspend(() => {
    try {
      return f()
    } catch (error) {
      if (error instanceof SendError) return Effect.fail(error)
      throw error
    }
  })

/** How much of a `sendAll` was accepted. */
interface Progress {
  accepted: number
}

/**
 * @category models
 * @since 0.1.0
 */
export class SenderImpl<A> implements Sender<A> {
  readonly channel: string
  readonly close: Effect.Effect<void>
  readonly sink: Sink.Sink<void, A, never, SendError>
  private readonly writer: FrameWriter
  private readonly codec: Codec<A>
  private readonly room: Room
  private readonly wait: WaitStrategy
  private readonly waiter: Waiter
  /** For the next to attach where the receiver died, however long it takes. */
  private readonly successor: Waiter
  private readonly startPump: (() => void) | undefined
  private readonly one: Array<A> = new Array(1)
  private readonly backlog = new Backlog()
  private pumping = false
  private closing = false

  /** @param startPump what an unbounded sender calls when it begins to keep messages: runs `pump` */
  constructor(
    channel: string,
    writer: FrameWriter,
    codec: Codec<A>,
    wait: WaitStrategy,
    startPump: ((pump: Effect.Effect<void>) => void) | undefined
  ) {
    this.channel = channel
    this.writer = writer
    this.codec = codec
    this.room = new Room(writer)
    this.wait = wait
    this.waiter = new Waiter(this.room, wait)
    this.successor = new Waiter(
      {
        memory: this.room.memory,
        bell: this.room.bell,
        ready: () => writer.port.status() !== "receiver-died",
        arm: () => this.room.arm(),
        parked: (slept) => this.room.parked(slept)
      },
      "park"
    )
    this.startPump = startPump === undefined ? undefined : () => startPump(this.pump)
    this.sink = Sink.forEachArray((messages: ReadonlyArray<A>) => this.sendAll(messages))
    this.close = this.closeWithin(Infinity)
  }

  /**
   * What a send does without waiting: takes messages from `from` on and returns the index of the
   * first that found no room. Throws the `SendError`.
   */
  private take(messages: ReadonlyArray<A>, from: number): number {
    const { codec, writer } = this
    writer.failedAt = from
    const status = this.closing ? "closed" : writer.port.status()
    if (status !== "open") {
      const [reason, detail] = detailOf[status]
      throw this.error(reason, detail, messages, from)
    }
    const total = messages.length
    let index = from
    try {
      if (this.backlog.length === 0) {
        const several = writer.port.mesh.receivers > 1
        for (;;) {
          // With several receivers each stretch goes to the one that has least to do.
          const end = several ? Math.min(total, index + stretch) : total
          const before = index
          writer.failedAt = index
          index = writer.writeAll(codec, messages, index, end, Kind.Data)
          writer.publish()
          if (index === total) return index
          if (index === before) break
        }
      }
      if (this.startPump !== undefined) {
        for (; index < total; index++) {
          this.backlog.push(writer.encode(codec, messages[index], Kind.Data))
          if (!this.pumping) {
            this.pumping = true
            this.startPump()
          }
        }
      }
      return index
    } catch (cause) {
      writer.publish()
      index = Math.max(index, writer.failedAt)
      if (cause instanceof RingFault) throw this.error("Closed", corrupt(cause), messages, index)
      if (cause instanceof RangeError) throw this.error("TooLarge", cause.message, messages, index)
      if (cause instanceof CodecError) throw this.error("Encode", cause.message, messages, index)
      throw this.error("Encode", String(cause), messages, index, cause)
    }
  }

  private error(
    reason: SendError["reason"],
    detail: string,
    messages: ReadonlyArray<A>,
    from: number,
    cause?: unknown
  ): SendError {
    this.writer.port.countError()
    return new SendError({
      channel: this.channel,
      reason,
      detail,
      unsent: messages.slice(from),
      ...(cause === undefined ? {} : { cause })
    })
  }

  private sendFrom<E>(
    messages: ReadonlyArray<A>,
    progress: Progress,
    wait: Effect.Effect<void, E>
  ): Effect.Effect<void, SendError | E> {
    return attempt(() => {
      progress.accepted = this.take(messages, progress.accepted)
      return progress.accepted === messages.length
        ? Effect.void
        : Effect.flatMap(wait, () => this.sendFrom(messages, progress, wait))
    })
  }

  sendAll(messages: ReadonlyArray<A>): Effect.Effect<void, SendError> {
    return Effect.suspend(() => this.sendFrom(messages, { accepted: 0 }, this.waiter.wait(true)))
  }

  sendAllWithin(messages: ReadonlyArray<A>, duration: DurationInput): Effect.Effect<void, SendError | Timeout> {
    return Effect.suspend(() => {
      const wrong = wrongTimeout(duration)
      if (wrong !== undefined) return Effect.fail(this.error("Encode", wrong, messages, 0))
      const progress: Progress = { accepted: 0 }
      const millis = millisOf(duration)
      const wait = Deadline.make(this.waiter, millis, () => {
        this.writer.port.countError()
        const unsent = messages.slice(progress.accepted)
        return new Timeout({ operation: `channel ${this.channel}: send`, millis, unsent })
      })
      return this.sendFrom(messages, progress, wait)
    })
  }

  send(message: A): Effect.Effect<void, SendError> {
    return attempt(() => {
      this.one[0] = message
      return this.take(this.one, 0) === 1
        ? Effect.void
        : Effect.flatMap(this.waiter.wait(true), () => this.sendAll([message]))
    })
  }

  sendWithin(message: A, duration: DurationInput): Effect.Effect<void, SendError | Timeout> {
    return this.sendAllWithin([message], duration)
  }

  trySend(message: A): Effect.Effect<boolean, SendError> {
    return attempt(() => {
      this.one[0] = message
      return Effect.succeed(this.take(this.one, 0) === 1)
    })
  }

  /** Moves kept messages into the ring; true while some are left and a receiver may still take them. */
  private moveKept(): boolean {
    const { backlog, writer } = this
    if (writer.port.status() !== "open") return false
    const several = writer.port.mesh.receivers > 1
    try {
      for (let moved = 1; ; moved++) {
        const message = backlog.peek()
        if (message === undefined || !writer.writeEncoded(message)) break
        backlog.shift()
        if (several && moved % stretch === 0) writer.publish()
      }
    } catch (cause) {
      // The next send says what is wrong with the memory.
      if (!(cause instanceof RingFault)) throw cause
      return false
    }
    writer.publish()
    return backlog.length > 0
  }

  private readonly pump: Effect.Effect<void> = Effect.suspend(() => {
    if (this.moveKept()) return Effect.flatMap(this.waiter.wait(true), () => this.pump)
    if (this.backlog.length > 0 && this.writer.port.status() === "receiver-died") {
      // Nothing keeps the process alive for somebody who may never come.
      return Effect.flatMap(this.successor.wait(false), () => this.pump)
    }
    this.pumping = false
    return Effect.void
  })

  /** `close` that gives up what an unbounded sender keeps after `millis`. */
  closeWithin(millis: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.closing = true
      // A finalizer must end in real time, under whatever clock.
      const deadline = performance.now() + millis
      const { room } = this
      const waiter = new Waiter(
        {
          memory: room.memory,
          bell: room.bell,
          ready: () => room.ready() || performance.now() >= deadline,
          arm: () => room.arm(),
          parked: (slept) => room.parked(slept)
        },
        this.wait
      )
      const drain: Effect.Effect<void> = Effect.suspend(() =>
        this.moveKept() && performance.now() < deadline ? Effect.flatMap(waiter.wait(true), () => drain) : Effect.void
      )
      return Effect.flatMap(drain, () => this.finish)
    })
  }

  private readonly finish: Effect.Effect<void> = Effect.suspend(() => {
    this.writer.close()
    const lost = this.backlog.length
    if (lost === 0) return Effect.void
    this.writer.port.countError()
    return Effect.logWarning(
      `channel ${this.channel}: ${lost} messages that an unbounded sender kept were dropped, because nobody took them before it closed`
    )
  })
}
