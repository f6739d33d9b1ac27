/**
 * Results turned into the rows that the charts draw.
 *
 * @since 0.1.0
 */
import { type KeyGroups, type Results, type Total } from "../../Results.ts"

const day = 86_400_000

export interface Point {
  /** Empty for all keys together. */
  readonly key: string
  readonly start: Date
  readonly end: Date
  readonly flights: number
  /** Share of flights delayed more than 15 minutes, in percent. */
  readonly late: number
  readonly meanDelay: number
}

/** The steps that charts take in time: windows shorter than a day would be too many to read. */
export const stepOf = (windowMillis: number): number => Math.max(windowMillis, day)

interface Sum {
  flights: number
  delayed: number
  total: number
}

const addTo = (sums: Map<number, Sum>, { columns, from, to }: KeyGroups, step: number): void => {
  for (let i = from; i < to; i++) {
    const start = Math.floor(columns.windows[i] / step) * step
    let sum = sums.get(start)
    if (sum === undefined) sums.set(start, (sum = { flights: 0, delayed: 0, total: 0 }))
    sum.flights += columns.flights[i]
    sum.delayed += columns.delayed[i]
    sum.total += columns.totals[i]
  }
}

const pointsOf = (key: string, sums: Map<number, Sum>, step: number): ReadonlyArray<Point> =>
  Array.from(sums, ([start, { delayed, flights, total }]) => ({
    key,
    start: new Date(start),
    end: new Date(start + step),
    flights,
    late: (100 * delayed) / flights,
    meanDelay: total / flights
  })).sort((a, b) => a.start.getTime() - b.start.getTime())

/** All keys together, over time, without the steps that have too few flights to have a share. */
export const overTime = ({ keys }: Results, step: number): ReadonlyArray<Point> => {
  const sums = new Map<number, Sum>()
  for (const key of keys) addTo(sums, key, step)
  const points = pointsOf("", sums, step)
  const average = points.reduce((sum, point) => sum + point.flights, 0) / points.length
  return points.filter((point) => point.flights >= average / 10)
}

/** The ranked keys, each over time. */
export const eachOverTime = ({ keys }: Results, worst: ReadonlyArray<Total>, step: number): ReadonlyArray<Point> => {
  const byName = new Map(keys.map((key) => [key.name, key]))
  return worst.flatMap(({ name }) => {
    const sums = new Map<number, Sum>()
    const groups = byName.get(name)
    if (groups !== undefined) addTo(sums, groups, step)
    return pointsOf(name, sums, step)
  })
}
