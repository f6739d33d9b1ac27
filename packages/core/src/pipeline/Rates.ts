/**
 * What a running pipeline does now, stage by stage: the difference between two looks at what its
 * subtasks count.
 *
 * @since 0.1.0
 */
import type { SubtaskStats } from "./runtime/SubtaskStats.ts"

/**
 * A chain of stages over all its subtasks.
 *
 * @category models
 * @since 0.1.0
 */
export interface StageRates {
  readonly chain: number
  /** The names of its stages. */
  readonly name: string
  readonly subtasks: number
  /** Elements taken and handed on, a second. */
  readonly receivedPerSecond: number
  readonly sentPerSecond: number
  /** Elements taken and handed on so far. */
  readonly received: number
  readonly sent: number
  /** Frames that wait for it. */
  readonly depth: number
  /** Share of the time in which its subtasks handled, from 0 to 1. */
  readonly busy: number
  /** Share of the time in which its subtasks waited for room further down, from 0 to 1. */
  readonly backpressure: number
  /** How far event time has come, in milliseconds since the epoch. */
  readonly watermark: number
  /** How far its event time is behind that of the sources, in milliseconds; 0 where there is none. */
  readonly lag: number
  readonly skipped: number
  readonly deadLetters: number
  readonly done: boolean
}

const byChain = (stats: ReadonlyArray<SubtaskStats>): ReadonlyMap<number, ReadonlyArray<SubtaskStats>> => {
  const chains = new Map<number, Array<SubtaskStats>>()
  for (const one of stats) {
    const own = chains.get(one.chain)
    if (own === undefined) chains.set(one.chain, [one])
    else own.push(one)
  }
  return new Map([...chains].sort(([a], [b]) => a - b))
}

const sum = (stats: ReadonlyArray<SubtaskStats>, of: (one: SubtaskStats) => number): number =>
  stats.reduce((total, one) => total + of(one), 0)

const least = (stats: ReadonlyArray<SubtaskStats>): number =>
  stats.reduce((time, { watermark }) => Math.min(time, watermark), Infinity)

/**
 * What happened between two looks that were `millis` apart. A subtask that began anew in between
 * counts from its last snapshot on.
 *
 * @category constructors
 * @since 0.1.0
 */
export const between = (
  before: ReadonlyArray<SubtaskStats>,
  after: ReadonlyArray<SubtaskStats>,
  millis: number
): ReadonlyArray<StageRates> => {
  const chains = byChain(after)
  const known = byChain(before)
  const marks = [...chains.values()].map(least)
  // Those that have ended are at the end of time: others are not that far behind.
  const furthest = marks.filter(Number.isFinite).reduce((a, b) => Math.max(a, b), -Infinity)
  return Array.from(chains, ([chain, own]) => {
    const then = known.get(chain) ?? []
    const gained = (of: (one: SubtaskStats) => number) => Math.max(0, sum(own, of) - sum(then, of))
    const perSecond = (of: (one: SubtaskStats) => number) => (millis > 0 ? (gained(of) * 1000) / millis : 0)
    const share = (of: (one: SubtaskStats) => number) =>
      millis > 0 ? Math.min(1, gained(of) / (millis * own.length)) : 0
    const watermark = least(own)
    return {
      chain,
      name: own[0].name,
      subtasks: own.length,
      receivedPerSecond: perSecond(({ received }) => received),
      sentPerSecond: perSecond(({ sent }) => sent),
      received: sum(own, ({ received }) => received),
      sent: sum(own, ({ sent }) => sent),
      depth: sum(own, ({ depth }) => depth),
      busy: share(({ busyMillis }) => busyMillis),
      backpressure: share(({ blockedMillis }) => blockedMillis),
      watermark,
      lag: Number.isFinite(watermark) ? furthest - watermark : 0,
      skipped: sum(own, ({ skipped }) => skipped),
      deadLetters: sum(own, ({ deadLetters }) => deadLetters),
      done: own.every(({ done }) => done)
    }
  })
}
