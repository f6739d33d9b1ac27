/**
 * The state of an aggregation: for each key and each window the flights, those delayed, the sum and the
 * maximum of delays.
 *
 * A group is a slot in growing columns, found through one table with open addressing and linear
 * probing. Flights come in time order, so a key's last slot is often the one wanted and the table is
 * not asked. Sums of whole minutes are exact in a double up to 2^53, so the order of batches cannot
 * change a result.
 *
 * @since 0.1.0
 */
import type { Aggregate } from "@shared-nothing/core/Aggregate"
import { type Batch, type FlightBatch, flightsOf, groupsOf, type GroupViews } from "./exchange/Batch.ts"
import { delayedAbove, type Window, windowMillis } from "./Job.ts"
import { allocateColumns, type KeyDelays } from "./pipeline/Messages.ts"

/** A table as plain data. */
interface Saved {
  readonly names: ReadonlyArray<string>
  readonly keys: Int32Array
  readonly windows: Int32Array
  readonly flights: Int32Array
  readonly delayed: Int32Array
  readonly totals: Float64Array
  readonly maxima: Int32Array
}

export class GroupTable {
  private readonly windowMillis: number
  private readonly names: Array<string> = []
  private readonly ids = new Map<string, number>()
  /** By key id: the slot found last, -1 before the first. */
  private readonly lastSlot: Array<number> = []
  /** A slot and one, or 0 where no group is; a power of two long, and never more than half full. */
  private table = new Int32Array(2048)
  private slots = 0
  private keys = new Int32Array(1024)
  private windows = new Int32Array(1024)
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
    if (batch._tag === "Groups") this.addGroups(batch.rows, groupsOf(batch), ids)
    else this.addFlights(batch, ids)
  }

  private addGroups(rows: number, from: GroupViews, ids: Int32Array): void {
    const { delayed, flights, maxima, totals } = this
    for (let i = 0; i < rows; i++) {
      const slot = this.slotOf(ids[from.keys[i]], from.windows[i])
      flights[slot] += from.flights[i]
      delayed[slot] += from.delayed[i]
      totals[slot] += from.totals[i]
      if (from.maxima[i] > maxima[slot]) maxima[slot] = from.maxima[i]
    }
  }

  private addFlights(batch: FlightBatch, ids: Int32Array): void {
    const { delays, keys, times } = flightsOf(batch)
    const { delayed, flights, maxima, totals, windowMillis } = this
    for (let i = 0; i < batch.rows; i++) {
      const window = windowMillis === 0 ? 0 : Math.floor(times[i] / windowMillis)
      const slot = this.slotOf(ids[keys[i]], window)
      const delay = delays[i]
      flights[slot]++
      if (delay > delayedAbove) delayed[slot]++
      totals[slot] += delay
      if (delay > maxima[slot]) maxima[slot] = delay
    }
  }

  /** Adds the groups of another table. */
  merge({ delayed, flights, keys, maxima, names, slots, totals, windows }: GroupTable): void {
    const ids = Int32Array.from(names, (name) => this.idOf(name))
    this.reserve(this.slots + slots)
    this.addGroups(slots, { delayed, flights, keys, maxima, totals, windows }, ids)
  }

  /** The groups, key after key, and those of a key by time. */
  *result(): Generator<KeyDelays> {
    const { names, slots, windowMillis } = this
    const counts = new Int32Array(names.length)
    for (let slot = 0; slot < slots; slot++) counts[this.keys[slot]]++
    const sorted = this.sorted(counts)
    let from = 0
    for (let id = 0; id < names.length; id++) {
      const rows = counts[id]
      const { bytes, views } = allocateColumns(rows)
      for (let i = 0; i < rows; i++) {
        const slot = sorted[from + i]
        views.windows[i] = this.windows[slot] * windowMillis
        views.flights[i] = this.flights[slot]
        views.delayed[i] = this.delayed[slot]
        views.totals[i] = this.totals[slot]
        views.maxima[i] = this.maxima[slot]
      }
      from += rows
      yield { _tag: "Delays", name: names[id], rows, columns: bytes }
    }
  }

  save(): Saved {
    const { delayed, flights, keys, maxima, names, slots, totals, windows } = this
    return {
      names,
      keys: keys.subarray(0, slots),
      windows: windows.subarray(0, slots),
      flights: flights.subarray(0, slots),
      delayed: delayed.subarray(0, slots),
      totals: totals.subarray(0, slots),
      maxima: maxima.subarray(0, slots)
    }
  }

  static load(windowMillis: number, { names, ...saved }: Saved): GroupTable {
    const table = new GroupTable(windowMillis)
    const ids = Int32Array.from(names, (name) => table.idOf(name))
    table.reserve(saved.keys.length)
    table.addGroups(saved.keys.length, saved, ids)
    return table
  }

  /** The slots, key after key, and a key's windows by time. */
  private sorted(counts: Int32Array): Int32Array {
    const { keys, slots, windows } = this
    const sorted = new Int32Array(slots)
    const ends = new Int32Array(counts.length)
    for (let id = 1; id < counts.length; id++) ends[id] = ends[id - 1] + counts[id - 1]
    for (let slot = 0; slot < slots; slot++) sorted[ends[keys[slot]]++] = slot
    for (let id = 0; id < counts.length; id++) {
      const ofKey = sorted.subarray(ends[id] - counts[id], ends[id])
      // A key's groups were mostly made in the order of time.
      if (!ascending(ofKey, windows)) ofKey.sort((a, b) => windows[a] - windows[b])
    }
    return sorted
  }

  private idOf(name: string): number {
    let id = this.ids.get(name)
    if (id === undefined) {
      id = this.names.push(name) - 1
      this.ids.set(name, id)
      this.lastSlot.push(-1)
    }
    return id
  }

  private slotOf(id: number, window: number): number {
    const { keys, lastSlot, table, windows } = this
    const last = lastSlot[id]
    if (last >= 0 && windows[last] === window) return last
    const mask = table.length - 1
    let at = hashOf(id, window) & mask
    for (;;) {
      const slot = table[at] - 1
      if (slot < 0) return (lastSlot[id] = this.insert(at, id, window))
      if (windows[slot] === window && keys[slot] === id) return (lastSlot[id] = slot)
      at = (at + 1) & mask
    }
  }

  private insert(at: number, id: number, window: number): number {
    const slot = this.slots++
    this.table[at] = slot + 1
    this.keys[slot] = id
    this.windows[slot] = window
    this.maxima[slot] = -0x80000000
    return slot
  }

  /** Grows the columns before the loop over a batch, which then may hold on to them. */
  private reserve(slots: number): void {
    if (slots <= this.flights.length) return
    const capacity = Math.max(slots, this.flights.length * 2)
    this.keys = grown(this.keys, new Int32Array(capacity))
    this.windows = grown(this.windows, new Int32Array(capacity))
    this.flights = grown(this.flights, new Int32Array(capacity))
    this.delayed = grown(this.delayed, new Int32Array(capacity))
    this.totals = grown(this.totals, new Float64Array(capacity))
    this.maxima = grown(this.maxima, new Int32Array(capacity))
    let cells = this.table.length
    while (cells < 2 * capacity) cells *= 2
    this.table = new Int32Array(cells)
    for (let slot = 0; slot < this.slots; slot++) {
      let at = hashOf(this.keys[slot], this.windows[slot]) & (cells - 1)
      while (this.table[at] !== 0) at = (at + 1) & (cells - 1)
      this.table[at] = slot + 1
    }
  }
}

/** Spreads neighbouring windows of a key, and the same window of neighbouring keys, over the table. */
const hashOf = (id: number, window: number): number => {
  const mixed = Math.imul(Math.imul(id, 0x9e3779b1) ^ window, 0x85ebca6b)
  return mixed ^ (mixed >>> 15)
}

const ascending = (slots: Int32Array, windows: Int32Array): boolean => {
  for (let i = 1; i < slots.length; i++) if (windows[slots[i]] < windows[slots[i - 1]]) return false
  return true
}

/** As large as `to`, with the values of `from`. */
const grown = <A extends Int32Array | Float64Array>(from: A, to: A): A => {
  to.set(from)
  return to
}

/** Groups of the keys and windows of batches; what it gives is to be taken at once. */
export const delaysBy = (window: Window): Aggregate<Batch, GroupTable, Iterable<KeyDelays>> => ({
  init: () => new GroupTable(windowMillis[window]),
  add: (table, batch) => {
    table.add(batch)
    return table
  },
  merge: (left, right) => {
    left.merge(right)
    return left
  },
  result: (table) => table.result(),
  save: (table) => table.save(),
  load: (saved) => GroupTable.load(windowMillis[window], saved as Saved)
})
