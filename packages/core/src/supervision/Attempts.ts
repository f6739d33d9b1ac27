/**
 * What one worker's mailbox has been through: the messages that failed or were the death of a
 * worker, by their place in it, until they are acknowledged.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { WorkerPanicked } from "../errors/Errors.ts"
import { Backoff } from "./Backoff.ts"
import type { Retry } from "./Supervision.ts"

/**
 * A message's place: its lane, and its number there.
 *
 * @category models
 * @since 0.1.0
 */
export interface Place {
  readonly lane: number
  readonly number: number
  /** Messages of the batch that begins there; 0 or absent for a message alone. */
  readonly size?: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Attempt extends Place {
  count: number
  deaths: number
  /** Not to be handled again: given up, or answered already. */
  over: boolean
  /** Whether whoever waits for it knows. */
  reported: boolean
  error: WorkerPanicked | undefined
  readonly backoff: Backoff | undefined
}

const firstBound = 256

/**
 * What has not been through anything.
 *
 * @category constructors
 * @since 0.1.0
 */
export const untried = ({ lane, number, size = 0 }: Place, backoff?: Backoff): Attempt => ({
  lane,
  number,
  size,
  count: 0,
  deaths: 0,
  over: false,
  reported: false,
  error: undefined,
  backoff
})

/**
 * @category models
 * @since 0.1.0
 */
export class Attempts {
  private readonly all = new Map<string, Attempt>()
  private readonly retry: Retry | undefined
  private readonly deaths: number

  private readonly acked: (lane: number) => number
  /** Entries above which it looks what of them can be forgotten: a worker may live for ever. */
  private bound = firstBound

  /** @param acked how many messages of a lane are acknowledged */
  constructor(retry: Retry | undefined, deaths: number, acked: (lane: number) => number) {
    this.retry = retry
    this.deaths = deaths
    this.acked = acked
  }

  at({ lane, number, size = 0 }: Place): Attempt {
    const key = size === 0 ? `${lane}:${number}` : `${lane}:${number}+${size}`
    let attempt = this.all.get(key)
    if (attempt === undefined) {
      if (this.all.size >= this.bound) {
        this.prune()
        this.bound = Math.max(firstBound, 2 * this.all.size)
      }
      const backoff = this.retry === undefined ? undefined : new Backoff(this.retry.schedule)
      attempt = untried({ lane, number, size }, backoff)
      this.all.set(key, attempt)
    }
    return attempt
  }

  /** Goes on counting what another mailbox has been through, for a message that was moved from there. */
  adopt(place: Place, { backoff, count, deaths, error }: Attempt): void {
    if (count === 0 && deaths === 0) return
    const { lane, number } = place
    const attempt = { lane, number, size: 0, count, deaths, over: false, reported: false, error, backoff }
    this.all.set(`${lane}:${number}`, attempt)
  }

  /** A try failed: milliseconds until the next, or undefined if there is none. */
  failed(place: Place, error: WorkerPanicked): Effect.Effect<number | undefined> {
    return Effect.suspend(() => {
      const attempt = this.at(place)
      attempt.count += 1
      attempt.error = error
      if (attempt.backoff === undefined || this.retry?.while(error) !== true) return this.giveUp(attempt)
      return Effect.flatMap(attempt.backoff.next(error), (delay) =>
        delay === undefined ? this.giveUp(attempt) : Effect.succeed(delay)
      )
    })
  }

  /** A worker died with it in hand. */
  died(place: Place, error: WorkerPanicked): Effect.Effect<void> {
    return Effect.suspend(() => {
      const attempt = this.at(place)
      attempt.deaths += 1
      if (attempt.deaths >= this.deaths) {
        attempt.count += 1
        attempt.error = error
        attempt.over = true
        return Effect.void
      }
      // A death is a failed try too, but only a schedule that was asked for ends the tries.
      if (this.retry === undefined) {
        attempt.count += 1
        attempt.error = error
        return Effect.void
      }
      return Effect.asVoid(this.failed(place, error))
    })
  }

  private giveUp(attempt: Attempt): Effect.Effect<undefined> {
    attempt.over = true
    return Effect.succeed(undefined)
  }

  /** Those that a successor must not handle. A batch that is over is only taken apart. */
  get over(): ReadonlyArray<Place> {
    const over: Array<Place> = []
    // Places alone, which any worker can be told; an attempt has functions in it.
    for (const attempt of this.all.values()) {
      if (attempt.over && attempt.size === 0) over.push({ lane: attempt.lane, number: attempt.number })
    }
    return over
  }

  /** Those that failed, and are neither given up nor acknowledged since. */
  get failing(): ReadonlyArray<Attempt> {
    return [...this.all.values()].filter((attempt) => attempt.count > 0 && !attempt.over && !this.isDone(attempt))
  }

  /** Forgets what is acknowledged. */
  prune(): void {
    for (const [key, attempt] of this.all) if (this.isDone(attempt)) this.all.delete(key)
  }

  private isDone({ lane, number }: Attempt): boolean {
    return ((this.acked(lane) - number) | 0) > 0
  }
}
