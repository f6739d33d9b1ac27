/**
 * Every real flight, every key, every window, several numbers of workers: the aggregates of the
 * workers are equal to the plain loop, to the last bit of the sums.
 *
 * For each key and window one number of workers, in turn, runs on threads and is compared with the
 * plain loop; all numbers of workers are compared with that without threads.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Batch } from "../../src/flights/exchange/Batch.ts"
import { combine } from "../../src/flights/exchange/combine.ts"
import { exchange } from "../../src/flights/exchange/exchange.ts"
import { Keys } from "../../src/flights/exchange/Keys.ts"
import { placeBy } from "../../src/flights/exchange/place.ts"
import { split } from "../../src/flights/exchange/split.ts"
import { GroupTable } from "../../src/flights/GroupTable.ts"
import { type FlightColumns, Names } from "../../src/flights/input/Columns.ts"
import { type By, keys, type Window, windowMillis, windows } from "../../src/flights/Job.ts"
import * as Reference from "../../src/flights/Reference.ts"
import { dayOf, type Results, resultsOf } from "../../src/flights/Results.ts"
import { runThreads } from "../../src/flights/run/threads.ts"
import { assertEquals, assertSame, type Flights, flightsFile, readFlights } from "./support.ts"

const sizes = [1, 2, 4, 7]

let flights: Flights

beforeAll(async () => {
  flights = await Effect.runPromise(readFlights)
})

/** A reader's side: the batches of a part. */
type Outgoing = (columns: FlightColumns, keys: Keys, windowMillis: number) => Array<Batch>

/** Sends every flight by itself, also where groups would be fewer. */
const splitAlways: Outgoing = (columns, keys) => split(columns, keys.idsOf(columns), keys)

/** The job without threads. */
const aggregate = (by: By, window: Window, workers: number, outgoing: Outgoing): Results => {
  const keys = new Keys(by, flights.names, workers, placeBy(workers))
  const aggregates = Array.from({ length: workers }, () => new GroupTable(windowMillis[window]))
  for (const part of flights.parts) {
    for (const batch of outgoing(part, keys, windowMillis[window])) aggregates[batch.worker].add(batch)
  }
  return resultsOf(
    aggregates.flatMap((aggregate) => Array.from(aggregate.result())),
    firstDay(window)
  )
}

const firstDay = (window: Window): number | undefined =>
  window === "all" ? dayOf(flights.parts[0].times[0]) : undefined

describe("exact over 3,000,000 flights", () => {
  it("reads every row", () => {
    assert.strictEqual(
      flights.parts.reduce((sum, part) => sum + part.rows, 0),
      3_000_000
    )
  })

  for (const [row, by] of keys.entries()) {
    for (const [column, window] of windows.entries()) {
      const onThreads = sizes[(row + column) % sizes.length]
      const title = `by ${by}, window ${window}: 1, 2, 4 and 7 workers, ${onThreads} on threads`
      it.live(
        title,
        () =>
          Effect.gen(function* () {
            const report = yield* runThreads({ input: flightsFile, by, window, workers: onThreads })
            assert.strictEqual(report.rows, 3_000_000)
            assert.strictEqual(report.rejected.count(), 0)
            assert.strictEqual(report.messages.length, onThreads)
            for (const workers of sizes) {
              const outgoing = workers === onThreads ? splitAlways : exchange
              assertSame(aggregate(by, window, workers, outgoing), report.results)
            }
            // Last, because its millions of small objects would slow everything after it.
            const reference: Reference.Groups = new Map()
            for (const part of flights.parts) Reference.add(reference, part, flights.names.list, by, window)
            assertEquals(report.results, reference, firstDay(window))
          }).pipe(Effect.provide(NodeFileSystem.layer)),
        120_000
      )
    }
  }
})

describe("what readers send", () => {
  /** Groups that a part becomes, if it does. */
  const combined = (by: By, window: Window) => {
    const [part] = flights.parts
    const keys = new Keys(by, flights.names, 2, placeBy(2))
    const batches = combine(part, keys.idsOf(part), keys, windowMillis[window])
    return batches?.reduce((sum, batch) => sum + batch.rows, 0)
  }

  it("is a few groups where many flights share a key and a window", () => {
    assert.isBelow(combined("origin", "1d") ?? Infinity, flights.parts[0].rows / 50)
    assert.isBelow(combined("route", "all") ?? Infinity, flights.parts[0].rows / 50)
  })

  it("is the flights where groups would be nearly as many", () => {
    assert.isUndefined(combined("route", "1h"))
  })

  it("keeps every flight of a part, before the epoch too", () => {
    const part: FlightColumns = {
      rows: 4,
      times: Float64Array.of(-1, -3_600_000, -3_600_001, 0),
      delays: Int32Array.of(-0x7fffffff, 16, 15, 0x7fffffff),
      origins: new Int32Array(4),
      destinations: new Int32Array(4)
    }
    const names = new Names()
    names.id("AAA")
    for (const window of windows) {
      const keys = new Keys("origin", names, 1, () => 0)
      const reference: Reference.Groups = new Map()
      Reference.add(reference, part, names.list, "origin", window)
      for (const outgoing of [exchange, splitAlways]) {
        const state = new GroupTable(windowMillis[window])
        for (const batch of outgoing(part, keys, windowMillis[window])) state.add(batch)
        assertEquals(resultsOf(Array.from(state.result()), undefined), reference)
      }
    }
  })
})
