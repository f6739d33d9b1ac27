/**
 * What the workers of the pool benchmark do, the same for every subject, and the proof that they did.
 *
 * A message is a record of `channel/traffic.ts`: it tells its own number, and damage to it. Its
 * answer can be told from its number. Messages from one sender come to a worker in increasing order.
 *
 * @since 0.1.0
 */
import type { Outcome } from "../harness/Suite.ts"
import { type Entry, type Traffic, trafficOf } from "../channel/traffic.ts"

export type { Entry } from "../channel/traffic.ts"

const traffic = trafficOf({ kind: "record" }) as Traffic<Entry>

/** Requests that are on their way at a time. */
export const inFlight = 1024

/** Message number `index` of a phase. */
export const make = (index: number): Entry => traffic.make(0, index)

/** Messages `index` to `index + count - 1`. */
export const makeBatch = (index: number, count: number): Array<Entry> => {
  const batch = new Array<Entry>(count)
  for (let i = 0; i < count; i++) batch[i] = make(index + i)
  return batch
}

/** What a worker answers to a message; -3 to a damaged one. */
export const answerTo = (message: Entry): number => traffic.indexOf(message) * 3

/** Messages seen, the sum of their numbers modulo 2^32, and how many were damaged or out of order. */
export interface Sums {
  readonly count: number
  readonly sum: number
  readonly faults: number
}

/**
 * Counts messages, on either side.
 *
 * @category models
 * @since 0.1.0
 */
export class Tally {
  private count = 0
  private sum = 0
  private faults = 0
  private last = -1

  /** Counts a message by its number. */
  add(index: number): void {
    this.count += 1
    this.sum = (this.sum + index) | 0
  }

  /** Counts an answer. */
  answered(index: number, answer: unknown): void {
    this.add(index)
    if (answer !== index * 3) this.faults += 1
  }

  /** Worker: checks and counts a message. */
  take(message: Entry): void {
    const index = traffic.indexOf(message)
    if (index <= this.last) this.faults += 1
    this.last = index
    this.add(index)
  }

  /** Adds what another has counted. */
  merge({ count, faults, sum }: Sums): void {
    this.count += count
    this.sum = (this.sum + sum) | 0
    this.faults += faults
  }

  /** What was counted since the last report. */
  report(): Sums {
    const { count, faults, sum } = this
    this.count = this.sum = this.faults = 0
    this.last = -1
    return { count, sum, faults }
  }
}

/**
 * Checks a batch on its own, for workers that are handed tasks and keep nothing.
 *
 * @category running
 * @since 0.1.0
 */
export const tallyOf = (messages: ReadonlyArray<Entry>): Sums => {
  const tally = new Tally()
  for (const message of messages) tally.take(message)
  return tally.report()
}

let sink = 0

/**
 * Keeps a core busy for some 1.2 ns a step. Steps, not time: time passes while a thread waits for a
 * core, work does not.
 *
 * @category running
 * @since 0.1.0
 */
export const burn = (seed: number, steps: number): void => {
  let x = seed
  for (let i = 0; i < steps; i++) x = (Math.imul(x, 1_664_525) + 1_013_904_223) | 0
  sink ^= x
}

/** What `burn` left, so that no compiler can do without it. */
export const ashes = (): number => sink

/**
 * What a phase sent, and what the workers saw of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Phase {
  readonly sent: Sums
  readonly arrived: Sums
}

const describe = ({ count, faults, sum }: Sums): string =>
  `${count} messages of checksum ${sum} with ${faults} out of order or damaged`

/**
 * The outcome of the phases of a run.
 *
 * @category constructors
 * @since 0.1.0
 */
export const outcomeOf = (phases: ReadonlyArray<Phase>, metrics: Outcome["metrics"]): Outcome => ({
  metrics,
  expected: phases.map(({ sent }) => describe(sent)).join("; "),
  arrived: phases.map(({ arrived }) => describe(arrived)).join("; ")
})
