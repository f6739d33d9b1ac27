/**
 * The state of the aggregation as it is saved, loaded and merged: whatever way batches come together, the
 * groups are the same.
 */
import { assert, describe, it } from "@effect/vitest"
import { allocateFlights, type Batch } from "../../src/flights/exchange/Batch.ts"
import { delaysBy, GroupTable } from "../../src/flights/GroupTable.ts"
import { columnsOf } from "../../src/flights/pipeline/Messages.ts"

const day = 86_400_000

/** Flights of three keys over twenty days, some out of order. */
const batch = (seed: number, names: ReadonlyArray<string>): Batch => {
  const rows = 500
  const { bytes, views } = allocateFlights(rows)
  for (let i = 0; i < rows; i++) {
    views.times[i] = ((i * 7919 + seed) % 20) * day + i
    views.delays[i] = ((i * 31 + seed) % 90) - 20
    views.keys[i] = (i * 13 + seed) % names.length
  }
  return { _tag: "Flights", worker: 0, rows, names, columns: bytes }
}

const batches = [batch(1, ["A", "B", "C"]), batch(2, ["C", "D", "A"]), batch(3, ["D"]), batch(4, ["E", "B"])]

const tableOf = (parts: ReadonlyArray<Batch>): GroupTable => {
  const table = new GroupTable(day)
  for (const part of parts) table.add(part)
  return table
}

const groupsOf = (table: GroupTable) =>
  Array.from(table.result(), (ofKey) => {
    const { delayed, flights, maxima, totals, windows } = columnsOf(ofKey)
    return [ofKey.name, ...[windows, flights, delayed, totals, maxima].map((column) => Array.from(column))] as const
  }).sort(([a], [b]) => (a < b ? -1 : 1))

const expected = groupsOf(tableOf(batches))

describe("GroupTable", () => {
  it("has every flight in one group", () => {
    const flights = expected.flatMap(([, , flights]) => flights)
    assert.strictEqual(
      flights.reduce((sum, n) => sum + n, 0),
      batches.reduce((sum, { rows }) => sum + rows, 0)
    )
    for (const [name, windows] of expected) {
      assert.deepStrictEqual(
        windows,
        windows.toSorted((a, b) => a - b),
        name
      )
    }
  })

  it("goes on after it was saved and loaded, at any moment", () => {
    const { load, save } = delaysBy("1d")
    for (let done = 0; done <= batches.length; done++) {
      const loaded = load!(structuredClone(save!(tableOf(batches.slice(0, done)))))
      for (const part of batches.slice(done)) loaded.add(part)
      assert.deepStrictEqual(groupsOf(loaded), expected)
    }
  })

  it("is the same merged from any two halves", () => {
    for (let from = 0; from <= batches.length; from++) {
      const merged = tableOf(batches.slice(0, from))
      merged.merge(tableOf(batches.slice(from)))
      assert.deepStrictEqual(groupsOf(merged), expected)
    }
  })
})
