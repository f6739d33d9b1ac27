/**
 * Messages that were given up, kept for whoever takes care of them.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type { WorkerPanicked } from "../errors/Errors.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface DeadLetter<out M> {
  /** Undefined if it could not be decoded any more. */
  readonly message: M
  /** Undefined if it could not be computed. */
  readonly key: string | number | bigint | undefined
  readonly worker: string
  /** How often it was tried; 0 if it never was, because its worker was not there until the pool closed. */
  readonly attempts: number
  readonly cause: Cause.Cause<WorkerPanicked>
}

/**
 * A bounded queue of them: beyond `capacity` the oldest make way, and are counted.
 *
 * @category models
 * @since 0.1.0
 */
export class DeadLetters {
  readonly queue: Queue.Queue<DeadLetter<unknown>, Cause.Done>
  readonly capacity: number
  /** Those that nobody took in time. */
  overflowed = 0
  total = 0

  private constructor(queue: Queue.Queue<DeadLetter<unknown>, Cause.Done>, capacity: number) {
    this.queue = queue
    this.capacity = capacity
  }

  static make(capacity: number): Effect.Effect<DeadLetters> {
    return Effect.map(
      Queue.sliding<DeadLetter<unknown>, Cause.Done>(capacity),
      (queue) => new DeadLetters(queue, capacity)
    )
  }

  add(letter: DeadLetter<unknown>): void {
    this.total += 1
    if (Queue.sizeUnsafe(this.queue) >= this.capacity) this.overflowed += 1
    Queue.offerUnsafe(this.queue, letter)
  }

  /** No more will come; those that are there can still be taken. */
  close(): void {
    Queue.endUnsafe(this.queue)
  }
}
