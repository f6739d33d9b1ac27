/**
 * The state of a worker that aggregates: for each of its keys and each window the flights, those
 * delayed, the sum and the maximum of delays.
 *
 * A group is a slot in growing columns, found through a map per key. Flights come in time order, so
 * a key's last slot is nearly always the one wanted and the map is seldom asked. Sums of whole
 * minutes are exact in a double up to 2^53, so the order of batches cannot change a result.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { bytesOf } from "./bytes.ts"
import { type Batch, type FlightBatch, flightsOf, type GroupBatch, groupsOf } from "./exchange/Batch.ts"
import { delayedAbove } from "./Job.ts"

/** Finished groups as columns of bytes: key after key by name, and a key's windows by time. */
export const Groups = Schema.Struct({
  names: Schema.Array(Schema.String),
  /** Int32Array: how many groups each name has. */
  counts: Schema.Uint8Array,
  /** Float64Array: start of the window, ms since the epoch. */
  windows: Schema.Uint8Array,
  /** Int32Array. */
  flights: Schema.Uint8Array,
  /** Int32Array: flights delayed more than 15 minutes. */
  delayed: Schema.Uint8Array,
  /** Float64Array: sum of delays, minutes. */
  totals: Schema.Uint8Array,
  /** Int32Array: maximum delay, minutes. */
  maxima: Schema.Uint8Array
})
export type Groups = typeof Groups.Type

interface Key {
  readonly name: string
  readonly slots: Map<number, number>
}

export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

export class Aggregate {
  private readonly windowMillis: number
  private readonly keys: Array<Key> = []
  private readonly ids = new Map<string, number>()
  private readonly lastWindow: Array<number> = []
  private readonly lastSlot: Array<number> = []
  private slots = 0
  private flights = new Int32Array(1024)
  private delayed = new Int32Array(1024)
  private totals = new Float64Array(1024)
  private maxima = new Int32Array(1024)

  /** `windowMillis` 0 is one window over everything. */
  constructor(windowMillis: number) {
    this.windowMillis = windowMillis
  }

  add(batch: Batch): void {
    const ids = Int32Array.from(batch.names, (name) => this.idOf(name))
    this.reserve(this.slots + batch.rows)
    if (batch._tag === "Groups") this.addGroups(batch, ids)
    else this.addFlights(batch, ids)
  }

  private addGroups(batch: GroupBatch, ids: Int32Array): void {
    const from = groupsOf(batch)
    const { delayed, flights, maxima, totals } = this
    for (let i = 0; i < batch.rows; i++) {
      const slot = this.slotOf(ids[from.keys[i]], from.windows[i])
      flights[slot] += from.flights[i]
      delayed[slot] += from.delayed[i]
      totals[slot] += from.totals[i]
      if (from.maxima[i] > maxima[slot]) maxima[slot] = from.maxima[i]
    }
  }

  private addFlights(batch: FlightBatch, ids: Int32Array): void {
    const { delays, keys, times } = flightsOf(batch)
    const { delayed, flights, lastSlot, lastWindow, maxima, totals, windowMillis } = this
    for (let i = 0; i < batch.rows; i++) {
      const id = ids[keys[i]]
      const window = windowMillis === 0 ? 0 : Math.floor(times[i] / windowMillis)
      const slot = lastWindow[id] === window ? lastSlot[id] : this.slotOf(id, window)
      const delay = delays[i]
      flights[slot]++
      if (delay > delayedAbove) delayed[slot]++
      totals[slot] += delay
      if (delay > maxima[slot]) maxima[slot] = delay
    }
  }

  result(): Groups {
    const keys = this.keys.toSorted((a, b) => compareText(a.name, b.name))
    const counts = new Int32Array(keys.length)
    const windows = new Float64Array(this.slots)
    const flights = new Int32Array(this.slots)
    const delayed = new Int32Array(this.slots)
    const totals = new Float64Array(this.slots)
    const maxima = new Int32Array(this.slots)
    let at = 0
    for (const [index, { slots }] of keys.entries()) {
      counts[index] = slots.size
      for (const window of Float64Array.from(slots.keys()).sort()) {
        const slot = slots.get(window) ?? 0
        windows[at] = window * this.windowMillis
        flights[at] = this.flights[slot]
        delayed[at] = this.delayed[slot]
        totals[at] = this.totals[slot]
        maxima[at++] = this.maxima[slot]
      }
    }
    return {
      names: keys.map((key) => key.name),
      counts: bytesOf(counts),
      windows: bytesOf(windows),
      flights: bytesOf(flights),
      delayed: bytesOf(delayed),
      totals: bytesOf(totals),
      maxima: bytesOf(maxima)
    }
  }

  private idOf(name: string): number {
    let id = this.ids.get(name)
    if (id === undefined) {
      id = this.keys.push({ name, slots: new Map() }) - 1
      this.ids.set(name, id)
      this.lastWindow.push(Number.NaN)
      this.lastSlot.push(0)
    }
    return id
  }

  private slotOf(id: number, window: number): number {
    const { slots } = this.keys[id]
    let slot = slots.get(window)
    if (slot === undefined) {
      slot = this.slots++
      this.maxima[slot] = -0x80000000
      slots.set(window, slot)
    }
    this.lastWindow[id] = window
    this.lastSlot[id] = slot
    return slot
  }

  /** Grows the columns before the loop over a batch, which then may hold on to them. */
  private reserve(slots: number): void {
    if (slots <= this.flights.length) return
    const capacity = Math.max(slots, this.flights.length * 2)
    const grown = <A extends Int32Array | Float64Array>(from: A, to: A): A => {
      to.set(from)
      return to
    }
    this.flights = grown(this.flights, new Int32Array(capacity))
    this.delayed = grown(this.delayed, new Int32Array(capacity))
    this.totals = grown(this.totals, new Float64Array(capacity))
    this.maxima = grown(this.maxima, new Int32Array(capacity))
  }
}
