/**
 * Cuts columns of flights into one batch per destination worker, by key.
 *
 * The first pass counts, the second fills arrays of the exact size. Both are functions of their
 * own with nothing else in them: every thread compiles them anew, and pays for their size.
 *
 * @since 0.1.0
 */
import type { FlightColumns } from "../input/Columns.ts"
import { allocateFlights, type Batch, type FlightViews, maxRows } from "./Batch.ts"
import type { Keys } from "./Keys.ts"

/** The flights as batches for their owners, in their order, none empty. `ids` are their keys. */
export const split = (columns: FlightColumns, ids: Int32Array, keys: Keys): Array<Batch> => {
  const batches: Array<Batch> = []
  for (let from = 0; from < columns.rows; from += maxRows) {
    splitSlice(columns, ids, from, Math.min(from + maxRows, columns.rows), keys, batches)
  }
  return batches
}

const splitSlice = (
  columns: FlightColumns,
  ids: Int32Array,
  from: number,
  to: number,
  keys: Keys,
  batches: Array<Batch>
): void => {
  const flights = new Int32Array(keys.names.length)
  count(ids, from, to, flights)
  const counts = new Int32Array(keys.workers)
  const names = Array.from({ length: keys.workers }, (): Array<string> => [])
  const owners = Uint16Array.from(keys.owners)
  const locals = new Uint16Array(flights.length)
  for (let key = 0; key < flights.length; key++) {
    if (flights[key] === 0) continue
    const owner = owners[key]
    counts[owner] += flights[key]
    locals[key] = names[owner].push(keys.names[key]) - 1
  }
  const targets = Array.from(counts, allocateFlights)
  const views = targets.map((target) => target.views)
  fill(columns, ids, from, to, owners, locals, views)
  for (let worker = 0; worker < keys.workers; worker++) {
    if (counts[worker] === 0) continue
    batches.push({
      _tag: "Flights",
      worker,
      rows: counts[worker],
      names: names[worker],
      columns: targets[worker].bytes
    })
  }
}

const count = (ids: Int32Array, from: number, to: number, flights: Int32Array): void => {
  for (let i = from; i < to; i++) flights[ids[i]]++
}

const fill = (
  { delays, times }: FlightColumns,
  ids: Int32Array,
  from: number,
  to: number,
  owners: Uint16Array,
  locals: Uint16Array,
  targets: ReadonlyArray<FlightViews>
): void => {
  const filled = new Int32Array(targets.length)
  for (let i = from; i < to; i++) {
    const key = ids[i]
    const owner = owners[key]
    const target = targets[owner]
    const at = filled[owner]++
    target.keys[at] = locals[key]
    target.times[at] = times[i]
    target.delays[at] = delays[i]
  }
}
