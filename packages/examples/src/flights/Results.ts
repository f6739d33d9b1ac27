/**
 * What the job found: the groups of all workers, key after key by name, a key's windows by time.
 *
 * Workers share no key and deliver the groups of a key in order, so only names are sorted; the groups
 * themselves stay in the columns they came in.
 *
 * @since 0.1.0
 */
import { columnsOf, type GroupColumns, type KeyDelays } from "./pipeline/Messages.ts"

const day = 86_400_000

/** The groups of one key. */
export interface KeyGroups {
  readonly name: string
  /** First and one past the last index in the columns. */
  readonly from: number
  readonly to: number
  readonly columns: GroupColumns
}

export interface Results {
  readonly keys: ReadonlyArray<KeyGroups>
  readonly groups: number
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** `only` is the start of the one window of `all`: the day of the first flight. */
export const resultsOf = (delays: ReadonlyArray<KeyDelays>, only: number | undefined): Results => {
  let groups = 0
  const keys = delays.map((ofKey): KeyGroups => {
    const columns = columnsOf(ofKey)
    if (only !== undefined) columns.windows.fill(only)
    groups += ofKey.rows
    return { name: ofKey.name, from: 0, to: ofKey.rows, columns }
  })
  keys.sort((a, b) => compareText(a.name, b.name))
  return { keys, groups }
}

/** Start of the UTC day that a time is in. */
export const dayOf = (time: number): number => Math.floor(time / day) * day

/** One key over all windows. */
export interface Total {
  readonly name: string
  readonly flights: number
  readonly delayed: number
  /** Share of flights delayed more than 15 minutes, 0 to 1. */
  readonly share: number
  readonly meanDelay: number
  readonly maxDelay: number
  /** The window with the greatest share among the key's windows of at least average traffic. */
  readonly worst: { readonly window: number; readonly share: number; readonly flights: number }
}

export const totalOf = ({ columns, from, name, to }: KeyGroups): Total => {
  let flights = 0
  let delayed = 0
  let total = 0
  let maxDelay = columns.maxima[from]
  for (let i = from; i < to; i++) {
    flights += columns.flights[i]
    delayed += columns.delayed[i]
    total += columns.totals[i]
    maxDelay = Math.max(maxDelay, columns.maxima[i])
  }
  const average = flights / (to - from)
  let worst = { window: columns.windows[from], share: -1, flights: 0 }
  for (let i = from; i < to; i++) {
    const share = columns.delayed[i] / columns.flights[i]
    // A window with a handful of flights says little, however late they were.
    if (columns.flights[i] >= average && share > worst.share) {
      worst = { window: columns.windows[i], share, flights: columns.flights[i] }
    }
  }
  return { name, flights, delayed, share: delayed / flights, meanDelay: total / flights, maxDelay, worst }
}

export interface Ranking {
  /** The worst keys first: greatest share of delayed flights, then greatest mean delay, then name. */
  readonly worst: ReadonlyArray<Total>
  /** The fewest flights that a ranked key has: a tenth of the average. */
  readonly minimum: number
  readonly ranked: number
  readonly all: ReadonlyArray<Total>
}

export const rank = (results: Results, top: number): Ranking => {
  const all = results.keys.map(totalOf)
  const flights = all.reduce((sum, total) => sum + total.flights, 0)
  const minimum = Math.max(1, Math.ceil(flights / Math.max(1, all.length) / 10))
  const ranked = all.filter((total) => total.flights >= minimum)
  const worst = ranked
    .toSorted((a, b) => b.share - a.share || b.meanDelay - a.meanDelay || compareText(a.name, b.name))
    .slice(0, top)
  return { worst, minimum, ranked: ranked.length, all }
}
