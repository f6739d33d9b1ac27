/**
 * Every real flight, every key, every window, several numbers of workers: the partitioned
 * aggregates are equal to the plain loop, to the last bit of the sums.
 */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Aggregate } from "../../src/flights/Aggregate.ts"
import { placeBy } from "../../src/flights/exchange/place.ts"
import { Splitter } from "../../src/flights/exchange/Splitter.ts"
import { type By, keys, type Window, windowMillis, windows } from "../../src/flights/Job.ts"
import * as Reference from "../../src/flights/Reference.ts"
import { dayOf, merge } from "../../src/flights/Results.ts"
import { assertEquals, type Flights, readFlights } from "./support.ts"

let flights: Flights

beforeAll(async () => {
  flights = await Effect.runPromise(readFlights)
})

const referenceOf = (by: By, window: Window): Reference.Groups => {
  const groups: Reference.Groups = new Map()
  for (const part of flights.parts) Reference.add(groups, part, flights.names.list, by, window)
  return groups
}

describe("exact over 3,000,000 flights", () => {
  it("reads every row", () => {
    assert.strictEqual(
      flights.parts.reduce((sum, part) => sum + part.rows, 0),
      3_000_000
    )
  })

  for (const by of keys) {
    it(`by ${by}, for 1, 2, 4 and 7 workers and each window`, { timeout: 120_000 }, () => {
      const references = windows.map((window) => ({ window, groups: referenceOf(by, window) }))
      const firstDay = dayOf(flights.parts[0].times[0])
      for (const workers of [1, 2, 4, 7]) {
        const splitter = new Splitter(by, flights.names, workers, placeBy(workers))
        const aggregates = references.map(({ window }) =>
          Array.from({ length: workers }, () => new Aggregate(windowMillis[window]))
        )
        let rows = 0
        for (const part of flights.parts) {
          for (const { batch, worker } of splitter.split(part)) {
            rows += batch.rows
            for (const ofWindow of aggregates) ofWindow[worker].add(batch)
          }
        }
        assert.strictEqual(rows, 3_000_000)
        for (const [index, { groups, window }] of references.entries()) {
          const only = window === "all" ? firstDay : undefined
          const results = merge(
            aggregates[index].map((aggregate) => aggregate.result()),
            only
          )
          assertEquals(results, groups, only)
        }
      }
    })
  }
})
