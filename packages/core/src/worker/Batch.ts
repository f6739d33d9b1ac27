/**
 * The messages that `handleBatch` is given together, from the first that is taken to the end of the handler.
 *
 * After a panic batches are of one message each, until those are passed that were waiting: so the one
 * to blame is found.
 *
 * @since 0.1.0
 */
import { toMillis } from "effect/Duration"
import * as Effect from "effect/Effect"
import type { WorkerPanicked } from "../errors/Errors.ts"
import type { Custody } from "./Custody.ts"
import type { Invoker } from "./Invoker.ts"
import type { Parking } from "./Parking.ts"
import type { Progress, Taken } from "./Progress.ts"

const defaultSize = 256

/**
 * @category models
 * @since 0.1.0
 */
export class Batch {
  private readonly invoker: Invoker
  private readonly custody: Custody | undefined
  private readonly parking: Parking | undefined
  private readonly progress: Progress
  private readonly onDone: (count: number, taken: ReadonlyArray<Taken>) => void
  private readonly millis: number
  private readonly fullSize: number
  private size: number
  private singly = 0
  private messages: Array<unknown> = []
  /** Where the messages are, and where each ends, if they can come back. */
  private taken: Array<Taken> = []
  private readonly ends: Array<number> = []
  /** The run that the last message is in. */
  last: Taken | undefined
  private since = 0
  /** Where its first message is. */
  private lane = 0
  private number = 0
  /** The deadline that its messages have, if they have one of their own. */
  allowed = 0

  /**
   * @param room most messages that can wait in a lane: the rest could not come before it is handled; 0 if there is no such bound
   * @param singly about how many messages a predecessor had when it panicked: batches are of one until past them
   * @param onDone told of each batch that was handled
   */
  constructor(
    invoker: Invoker,
    custody: Custody | undefined,
    parking: Parking | undefined,
    progress: Progress,
    room: number,
    singly: number | undefined,
    onDone: (count: number, taken: ReadonlyArray<Taken>) => void
  ) {
    const { batchSize, batchWithin } = invoker.implementation.handlers
    this.invoker = invoker
    this.custody = custody
    this.parking = parking
    this.progress = progress
    this.onDone = onDone
    this.fullSize = Math.min(batchSize ?? defaultSize, room === 0 ? Infinity : room)
    this.size = singly === undefined ? this.fullSize : 1
    // Its last batch may not be among them.
    if (singly !== undefined) this.singly = singly + this.fullSize
    this.millis = batchWithin === undefined ? 0 : toMillis(batchWithin)
  }

  get length(): number {
    return this.messages.length
  }

  /** Adds a message, of the same deadline as the others, and the run that it is in; true if the batch is full. */
  add(message: unknown, taken: Taken | undefined): boolean {
    if (this.messages.length === 0) {
      this.since = this.millis === 0 ? 0 : performance.now()
      if (this.custody !== undefined) {
        this.lane = this.custody.lane
        this.number = this.custody.frame
      }
    }
    this.messages.push(message)
    if (taken !== undefined) {
      if (taken !== this.last) this.taken.push(taken)
      this.last = taken
      this.ends.push(taken.position)
    }
    return this.messages.length >= this.size
  }

  /** Whether it has waited for more messages for as long as it may. */
  get isDue(): boolean {
    return this.millis === 0 || performance.now() - this.since >= this.millis
  }

  /** Waits for mail until it is due. */
  linger(mail: Effect.Effect<void>): Effect.Effect<void> {
    return Effect.suspend(() => {
      const rest = Math.max(0, this.since + this.millis - performance.now())
      return Effect.raceFirst(
        mail,
        Effect.map(Effect.sleep(rest), () => {
          // Not left to the clock: timers may be early, or a test's.
          this.since = -Infinity
        })
      )
    })
  }

  /** Handles it: done when it returns undefined, or by the Effect that it returns. Throws a `Panic`. */
  run(): Effect.Effect<void, WorkerPanicked> | undefined {
    const { custody, invoker, messages, parking } = this
    invoker.allow(this.allowed)
    custody?.batch(messages.length, this.lane, this.number)
    let effect: Effect.Effect<void, WorkerPanicked> | undefined
    try {
      effect = invoker.handleBatch(messages)
    } catch (cause) {
      const error = invoker.errorOf("handleBatch", cause)
      if (parking === undefined || !custody!.decides(error)) throw cause
      this.park(parking, error)
      return undefined
    }
    if (effect === undefined) {
      this.done()
      return undefined
    }
    const finished = Effect.andThen(
      effect,
      Effect.sync(() => this.done())
    )
    if (parking === undefined) return finished
    return Effect.catch(finished, (error) =>
      custody!.decides(error) ? Effect.sync(() => this.park(parking, error)) : Effect.fail(error)
    )
  }

  private done(): void {
    const { messages, taken } = this
    this.clear()
    if (this.singly > 0 && --this.singly === 0) this.size = this.fullSize
    this.onDone(messages.length, taken)
  }

  /** It failed: its owner decides. */
  private park(parking: Parking, error: WorkerPanicked): void {
    const { messages } = this
    const places = this.progress.split(this.taken, this.ends)
    this.clear()
    parking.parkBatch(
      messages.map((message, at) => parking.entryOf(message, undefined, this.allowed, places[at])),
      error
    )
  }

  private clear(): void {
    this.messages = []
    this.taken = []
    this.ends.length = 0
    this.last = undefined
  }
}
