/**
 * Cuts columns of flights into one batch per destination worker, by key.
 *
 * Each key is placed once, when it is first seen; after that a flight costs two array look-ups. The
 * first pass counts, the second fills arrays of the exact size.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { FlightColumns, Names } from "../input/Columns.ts"
import type { By } from "../Job.ts"
import { allocate, Batch, maxRows } from "./Batch.ts"

/** Worker of a key, from 0. */
export type Place = (key: string) => number

/** A batch and the worker that it is for. */
export const Addressed = Schema.Struct({ worker: Schema.Int, batch: Batch })
export type Addressed = typeof Addressed.Type

export class Splitter {
  private readonly by: By
  private readonly names: Names
  private readonly workers: number
  private readonly place: Place
  /** By key id: its name, its worker, and its index in the batch numbered by `stamps`. */
  private readonly keyNames: Array<string> = []
  private readonly owners: Array<number> = []
  private readonly locals: Array<number> = []
  private readonly stamps: Array<number> = []
  /** By origin, then destination: the key id of the route. */
  private readonly routes: Array<Array<number>> = []
  private stamp = 0
  private readonly rowKeys = new Int32Array(maxRows)

  constructor(by: By, names: Names, workers: number, place: Place) {
    this.by = by
    this.names = names
    this.workers = workers
    this.place = place
  }

  /** The batches of all flights, in their order, none empty. */
  *split(columns: FlightColumns): Generator<Addressed> {
    for (let from = 0; from < columns.rows; from += maxRows) {
      yield* this.slice(columns, from, Math.min(from + maxRows, columns.rows))
    }
  }

  private *slice(columns: FlightColumns, from: number, to: number): Generator<Addressed> {
    this.resolve(columns, from, to)
    const { keyNames, locals, owners, rowKeys, stamps, workers } = this
    const stamp = ++this.stamp
    const counts = new Int32Array(workers)
    const names = Array.from({ length: workers }, (): Array<string> => [])
    for (let i = 0; i < to - from; i++) {
      const key = rowKeys[i]
      const owner = owners[key]
      counts[owner]++
      if (stamps[key] !== stamp) {
        stamps[key] = stamp
        locals[key] = names[owner].push(keyNames[key]) - 1
      }
    }
    const targets = Array.from(counts, allocate)
    const filled = new Int32Array(workers)
    for (let i = 0; i < to - from; i++) {
      const key = rowKeys[i]
      const owner = owners[key]
      const { views } = targets[owner]
      const at = filled[owner]++
      views.keys[at] = locals[key]
      views.times[at] = columns.times[from + i]
      views.delays[at] = columns.delays[from + i]
    }
    for (let worker = 0; worker < workers; worker++) {
      if (counts[worker] === 0) continue
      yield { worker, batch: { rows: counts[worker], names: names[worker], columns: targets[worker].bytes } }
    }
  }

  /** Writes the key id of each row. */
  private resolve({ destinations, origins }: FlightColumns, from: number, to: number): void {
    const { owners, routes, rowKeys } = this
    if (this.by === "route") {
      for (let i = from; i < to; i++) {
        const ofOrigin = (routes[origins[i]] ??= [])
        rowKeys[i - from] = ofOrigin[destinations[i]] ??= this.add(
          `${this.names.list[origins[i]]}-${this.names.list[destinations[i]]}`
        )
      }
      return
    }
    // An airport's key id is its id among the names: nothing to look up.
    for (let id = owners.length; id < this.names.list.length; id++) this.add(this.names.list[id])
    rowKeys.set((this.by === "origin" ? origins : destinations).subarray(from, to))
  }

  private add(name: string): number {
    this.keyNames.push(name)
    this.locals.push(0)
    this.stamps.push(0)
    return this.owners.push(this.place(name)) - 1
  }
}
