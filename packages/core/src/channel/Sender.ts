/**
 * The sending half of a channel, attached to one thread.
 *
 * @since 0.1.0
 */
import { type Input as DurationInput, toMillis } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Sink from "effect/Sink"
import { type Codec, CodecError } from "../codec/Codec.ts"
import { SendError, Timeout } from "../errors/Errors.ts"
import { Kind } from "../ring/Frame.ts"
import type { SendStatus } from "../ring/SenderPort.ts"
import { Room } from "./Ends.ts"
import type { Encoded, FrameWriter } from "./FrameWriter.ts"
import { Waiter, type WaitStrategy } from "./WaitStrategy.ts"

/**
 * - **Ordering**: what one sender sends arrives in the order it was sent, at each receiver.
 * - **Blocking**: `send` and `sendAll` wait while there is no room; `trySend` does not.
 * - **Closing**: closing the scope that attached it closes the sender, after what it accepted was
 *   published. A receiver sees the end once every sender closed.
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
   * Sends messages in order, waiting for room as often as it takes. When it fails or is
   * interrupted, a prefix of the messages was accepted; the error has the rest in `unsent`.
   */
  readonly sendAll: (messages: ReadonlyArray<A>) => Effect.Effect<void, SendError>
  /** `sendAll` that fails with `Timeout` when the wait for room exceeds `duration`. */
  readonly sendAllWithin: (
    messages: ReadonlyArray<A>,
    duration: DurationInput
  ) => Effect.Effect<void, SendError | Timeout>
  /** Sends one message if there is room now; false if there is none. */
  readonly trySend: (message: A) => Effect.Effect<boolean, SendError>
  /** Closes this sender for good. What was sent before can still be received. */
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

const attempt = <A>(f: () => Effect.Effect<A, SendError>): Effect.Effect<A, SendError> =>
  Effect.suspend(() => {
    try {
      return f()
    } catch (error) {
      if (error instanceof SendError) return Effect.fail(error)
      throw error
    }
  })

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
  private readonly waiter: Waiter
  private readonly startPump: (() => void) | undefined
  private readonly one: Array<A> = new Array(1)
  private overflow: Array<Encoded> = []

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
    this.waiter = new Waiter(new Room(writer), wait)
    this.startPump = startPump === undefined ? undefined : () => startPump(this.pump)
    this.sink = Sink.forEachArray((messages: ReadonlyArray<A>) => this.sendAll(messages))
    this.close = Effect.andThen(
      this.flush,
      Effect.sync(() => writer.close())
    )
  }

  /**
   * What a send does without waiting: takes messages from `from` on and returns the index of the
   * first that found no room. Throws the `SendError`.
   */
  private take(messages: ReadonlyArray<A>, from: number): number {
    const { codec, writer } = this
    const status = writer.port.status()
    if (status !== "open") {
      const [reason, detail] = detailOf[status]
      throw this.error(reason, detail, messages, from)
    }
    const total = messages.length
    let index = from
    try {
      if (this.overflow.length === 0) {
        const several = writer.port.mesh.receivers > 1
        for (;;) {
          // With several receivers each stretch goes to the one that has least to do.
          const end = several ? Math.min(total, index + stretch) : total
          const before = index
          while (index < end && writer.write(codec, messages[index], Kind.Data)) index++
          writer.publish()
          if (index === total) return index
          if (index === before) break
        }
      }
      if (this.startPump !== undefined) {
        const idle = this.overflow.length === 0
        for (; index < total; index++) this.overflow.push(writer.encode(codec, messages[index], Kind.Data))
        if (idle) this.startPump()
      }
      return index
    } catch (cause) {
      writer.publish()
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

  private sendFrom(messages: ReadonlyArray<A>, progress: { accepted: number }): Effect.Effect<void, SendError> {
    return attempt(() => {
      progress.accepted = this.take(messages, progress.accepted)
      return progress.accepted === messages.length
        ? Effect.void
        : Effect.flatMap(this.waiter.wait(true), () => this.sendFrom(messages, progress))
    })
  }

  sendAll(messages: ReadonlyArray<A>): Effect.Effect<void, SendError> {
    return Effect.suspend(() => this.sendFrom(messages, { accepted: 0 }))
  }

  sendAllWithin(messages: ReadonlyArray<A>, duration: DurationInput): Effect.Effect<void, SendError | Timeout> {
    return Effect.suspend(() => {
      const progress = { accepted: 0 }
      return Effect.timeoutOrElse(this.sendFrom(messages, progress), {
        duration,
        orElse: () =>
          Effect.suspend(() => {
            this.writer.port.countError()
            return Effect.fail(
              new Timeout({
                operation: `channel ${this.channel}: send`,
                millis: toMillis(duration),
                unsent: messages.slice(progress.accepted)
              })
            )
          })
      })
    })
  }

  send(message: A): Effect.Effect<void, SendError> {
    return attempt(() => {
      this.one[0] = message
      return this.take(this.one, 0) === 1
        ? Effect.void
        : Effect.flatMap(this.waiter.wait(true), () => this.sendFrom([message], { accepted: 0 }))
    })
  }

  trySend(message: A): Effect.Effect<boolean, SendError> {
    return attempt(() => {
      this.one[0] = message
      return Effect.succeed(this.take(this.one, 0) === 1)
    })
  }

  private get pump(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { overflow, writer } = this
      if (writer.port.status() !== "open") return Effect.void
      let moved = 0
      while (moved < overflow.length && writer.writeEncoded(overflow[moved])) moved++
      writer.publish()
      if (moved > 0) this.overflow = overflow.slice(moved)
      if (this.overflow.length === 0) return Effect.void
      return Effect.flatMap(this.waiter.wait(true), () => this.pump)
    })
  }

  /** Waits until nothing is kept in this thread: messages outside the ring, buffers nobody asked for yet. */
  private get flush(): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.writer.port.status() !== "open") return Effect.void
      if (this.overflow.length === 0 && !this.writer.waiting) return Effect.void
      return Effect.flatMap(Effect.sleep(1), () => this.flush)
    })
  }
}
