/**
 * The whole job on threads is equal to the plain loop: every key and window, and every number of
 * workers with each key. `exact.test.ts` has all combinations, without threads.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { keys, windows } from "../../src/flights/Job.ts"
import * as Reference from "../../src/flights/Reference.ts"
import { dayOf } from "../../src/flights/Results.ts"
import { runPool } from "../../src/flights/run/threads.ts"
import { assertEquals, type Flights, flightsFile, readFlights } from "./support.ts"

const sizes = [1, 2, 4, 7]

let flights: Flights

beforeAll(async () => {
  flights = await Effect.runPromise(readFlights)
})

describe("the job on threads", () => {
  for (const [row, by] of keys.entries()) {
    for (const [column, window] of windows.entries()) {
      const workers = sizes[(row + column) % sizes.length]
      it.live(`by ${by}, window ${window}, ${workers} workers`, () =>
        Effect.gen(function* () {
          const reference: Reference.Groups = new Map()
          for (const part of flights.parts) Reference.add(reference, part, flights.names.list, by, window)
          const report = yield* runPool({ input: flightsFile, by, window, workers })
          assert.strictEqual(report.rows, 3_000_000)
          assert.strictEqual(report.rejected.count(), 0)
          assert.strictEqual(report.messages.length, workers)
          assertEquals(report.results, reference, window === "all" ? dayOf(flights.parts[0].times[0]) : undefined)
        }).pipe(Effect.provide(NodeFileSystem.layer))
      )
    }
  }
})
