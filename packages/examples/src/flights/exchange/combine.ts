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
import { allocateGroups, type Batch, type GroupBatch, groupsPerFlight, maxRows } from "./Batch.ts"
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
): Array<Batch> | undefined => {
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

const batchesOf = (table: Table, keys: Keys): Array<Batch> => {
  const batches: Array<Batch> = []
  const owned = Array.from({ length: keys.workers }, (): Owned => ({ keys: [], groups: 0 }))
  for (let key = 0; key < keys.names.length; key++) {
    const groups = occupied(table.flights, key * table.width, (key + 1) * table.width)
    if (groups === 0) continue
    const worker = keys.owners[key]
    const own = owned[worker]
    if (own.groups > 0 && own.groups + groups > maxRows) {
      batches.push(batchOf(table, keys, worker, own))
      owned[worker] = { keys: [key], groups }
    } else {
      own.keys.push(key)
      own.groups += groups
    }
  }
  for (const [worker, own] of owned.entries()) if (own.groups > 0) batches.push(batchOf(table, keys, worker, own))
  return batches
}

/** Keys that go into one batch, and how many groups they have. */
interface Owned {
  readonly keys: Array<number>
  groups: number
}

const occupied = (flights: Int32Array, from: number, to: number): number => {
  let count = 0
  for (let cell = from; cell < to; cell++) if (flights[cell] > 0) count++
  return count
}

const batchOf = (table: Table, { names }: Keys, worker: number, { groups: rows, keys }: Owned): GroupBatch => {
  const { delayed, first, flights, maxima, totals, width } = table
  const { bytes, views } = allocateGroups(rows)
  let at = 0
  for (let i = 0; i < keys.length; i++) {
    for (let window = 0; window < width; window++) {
      const cell = keys[i] * width + window
      if (flights[cell] === 0) continue
      views.keys[at] = i
      views.windows[at] = first + window
      views.flights[at] = flights[cell]
      views.delayed[at] = delayed[cell]
      views.totals[at] = totals[cell]
      views.maxima[at++] = maxima[cell]
    }
  }
  return { _tag: "Groups", worker, rows, names: keys.map((key) => names[key]), columns: bytes }
}
