/**
 * What flights are grouped by, as small integers: the id of each flight's key, and for each id its
 * name and the worker that owns it.
 *
 * Each key is placed once, when it is first seen; after that a flight costs two array look-ups for
 * a route, and nothing for an airport, whose key id is its id among the reader's names.
 *
 * @since 0.1.0
 */
import type { FlightColumns, Names } from "../input/Columns.ts"
import type { By } from "../Job.ts"

/** Worker of a key, from 0. */
export type Place = (key: string) => number

export class Keys {
  /** By key id: its name, and its worker. */
  readonly names: Array<string> = []
  readonly owners: Array<number> = []
  readonly workers: number
  private readonly by: By
  private readonly airports: Names
  private readonly place: Place
  /** By origin, then destination: the key id of the route. */
  private readonly routes: Array<Array<number>> = []

  constructor(by: By, airports: Names, workers: number, place: Place) {
    this.by = by
    this.airports = airports
    this.workers = workers
    this.place = place
  }

  /** The key id of each flight; valid as long as the columns are. */
  idsOf(columns: FlightColumns): Int32Array {
    if (this.by === "route") return this.routesOf(columns)
    const { list } = this.airports
    for (let id = this.names.length; id < list.length; id++) this.add(list[id])
    return this.by === "origin" ? columns.origins : columns.destinations
  }

  private routesOf({ destinations, origins, rows }: FlightColumns): Int32Array {
    const { routes } = this
    const ids = new Int32Array(rows)
    for (let i = 0; i < rows; i++) {
      const ofOrigin = (routes[origins[i]] ??= [])
      ids[i] = ofOrigin[destinations[i]] ??= this.addRoute(origins[i], destinations[i])
    }
    return ids
  }

  private addRoute(origin: number, destination: number): number {
    const { list } = this.airports
    return this.add(`${list[origin]}-${list[destination]}`)
  }

  private add(name: string): number {
    this.owners.push(this.place(name))
    return this.names.push(name) - 1
  }
}
