/**
 * Groups the flights of a part before they leave their reader, so that owners merge a few groups
 * instead of many flights: the local half of a local-global aggregation, known as combiner from
 * MapReduce and as mini-batch local-global from Flink.
 *
 * The groups of a part are cells of a table, a row for each key and a column for each window from
 * the part's first to its last. A flight finds its cell by arithmetic. Parts of a file in time
 * order span few windows; where the table would be large for the flights in it there is nothing to
 * gain, and nothing is combined.
 *
 * @since 0.1.0
 */
import type { FlightColumns } from "../input/Columns.ts"
import { delayedAbove } from "../Job.ts"
import { type Addressed, allocateGroups, groupsPerFlight } from "./Batch.ts"
import type { Keys } from "./Keys.ts"

interface Table {
  /** Number of the first window, counted from the epoch. */
  readonly first: number
  /** Windows that each key has cells for. */
  readonly width: number
  readonly flights: Int32Array
  readonly delayed: Int32Array
  readonly totals: Float64Array
  readonly maxima: Int32Array
}

/**
 * The groups as batches for their owners, none empty; nothing if the flights themselves are the
 * shorter message. `ids` are the flights' keys.
 */
export const combine = (
  columns: FlightColumns,
  ids: Int32Array,
  keys: Keys,
  windowMillis: number
): Array<Addressed> | undefined => {
  if (columns.rows === 0) return []
  // One window over everything: any time divided by this is window 0.
  const size = windowMillis === 0 ? Infinity : windowMillis
  const [first, last] = rangeOf(columns, size)
  const width = last - first + 1
  const cells = width * keys.names.length
  if (cells > columns.rows * groupsPerFlight) return undefined
  const table: Table = {
    first,
    width,
    flights: new Int32Array(cells),
    delayed: new Int32Array(cells),
    totals: new Float64Array(cells),
    maxima: new Int32Array(cells).fill(-0x80000000)
  }
  tally(columns, ids, size, table)
  return batchesOf(table, keys)
}

/** The first and the last window that flights are in. */
const rangeOf = ({ rows, times }: FlightColumns, size: number): readonly [number, number] => {
  let earliest = times[0]
  let latest = earliest
  for (let i = 1; i < rows; i++) {
    const time = times[i]
    if (time < earliest) earliest = time
    if (time > latest) latest = time
  }
  // The zero of `Infinity` has a sign.
  return [Math.floor(earliest / size) | 0, Math.floor(latest / size) | 0]
}

const tally = ({ delays, rows, times }: FlightColumns, ids: Int32Array, size: number, table: Table): void => {
  const { delayed, first, flights, maxima, totals, width } = table
  for (let i = 0; i < rows; i++) {
    const cell = ids[i] * width + ((Math.floor(times[i] / size) | 0) - first)
    const delay = delays[i]
    flights[cell]++
    if (delay > delayedAbove) delayed[cell]++
    totals[cell] += delay
    if (delay > maxima[cell]) maxima[cell] = delay
  }
}

const batchesOf = (table: Table, keys: Keys): Array<Addressed> => {
  const counts = new Int32Array(keys.workers)
  for (let key = 0; key < keys.names.length; key++) {
    counts[keys.owners[key]] += occupied(table.flights, key * table.width, (key + 1) * table.width)
  }
  const batches: Array<Addressed> = []
  for (let worker = 0; worker < keys.workers; worker++) {
    if (counts[worker] > 0) batches.push({ worker, batch: batchOf(table, keys, worker, counts[worker]) })
  }
  return batches
}

const occupied = (flights: Int32Array, from: number, to: number): number => {
  let count = 0
  for (let cell = from; cell < to; cell++) if (flights[cell] > 0) count++
  return count
}

const batchOf = (table: Table, keys: Keys, worker: number, rows: number): Addressed["batch"] => {
  const { delayed, first, flights, maxima, totals, width } = table
  const { bytes, views } = allocateGroups(rows)
  const names: Array<string> = []
  let at = 0
  for (let key = 0; key < keys.names.length; key++) {
    if (keys.owners[key] !== worker) continue
    const from = at
    for (let window = 0; window < width; window++) {
      const cell = key * width + window
      if (flights[cell] === 0) continue
      views.keys[at] = names.length
      views.windows[at] = first + window
      views.flights[at] = flights[cell]
      views.delayed[at] = delayed[cell]
      views.totals[at] = totals[cell]
      views.maxima[at++] = maxima[cell]
    }
    if (at > from) names.push(keys.names[key])
  }
  return { _tag: "Groups", rows, names, columns: bytes }
}
