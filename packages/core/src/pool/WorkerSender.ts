/**
 * The sending half of one worker's mailbox, whoever holds it: the pool's owner or another thread. It
 * is used as a channel's `Sender` is.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Sink from "effect/Sink"
import type { Timeout } from "../errors/Errors.ts"

/**
 * - **Ordering**: what is sent is handled in the order it was sent.
 * - **Blocking**: `send` and `sendAll` wait while there is no room; `trySend` does not.
 * - **Closing**: it holds for as long as its worker: restarted or recycled, it goes on.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkerSender<in M, out E> {
  readonly worker: string
  /** Sends one message, waiting for room. */
  readonly send: (message: M) => Effect.Effect<void, E>
  /** `send` that fails with `Timeout`, which has the message, when it takes longer. */
  readonly sendWithin: (message: M, duration: Duration.Input) => Effect.Effect<void, E | Timeout>
  /** Sends messages in order. When it fails, a prefix was accepted; the error has the rest in `unsent`. */
  readonly sendAll: (messages: ReadonlyArray<M>) => Effect.Effect<void, E>
  /** `sendAll` that fails with `Timeout`, which has the rest, when it takes longer. */
  readonly sendAllWithin: (messages: ReadonlyArray<M>, duration: Duration.Input) => Effect.Effect<void, E | Timeout>
  /** Sends one message if there is room now; false if there is none. */
  readonly trySend: (message: M) => Effect.Effect<boolean, E>
  /** A `Sink` that sends what it is given, array by array. */
  readonly sink: Sink.Sink<void, M, never, E>
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = <M, E>(
  worker: string,
  sendAll: (messages: ReadonlyArray<M>) => Effect.Effect<void, E>,
  sendAllWithin: (messages: ReadonlyArray<M>, duration: Duration.Input) => Effect.Effect<void, E | Timeout>,
  trySend: (message: M) => Effect.Effect<boolean, E>
): WorkerSender<M, E> => ({
  worker,
  send: (message) => sendAll([message]),
  sendWithin: (message, duration) => sendAllWithin([message], duration),
  sendAll,
  sendAllWithin,
  trySend,
  sink: Sink.forEachArray(sendAll)
})
