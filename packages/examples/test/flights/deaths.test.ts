/**
 * Threads of the job die in the middle of it, and its results are the same.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import type { Worker } from "node:worker_threads"
import * as Effect from "effect/Effect"
import * as FlightDelays from "../../src/flights/FlightDelays.ts"
import type { By, Window } from "../../src/flights/Job.ts"
import { Progress } from "../../src/flights/report/Progress.ts"
import type { Runner } from "../../src/flights/run/Runner.ts"
import { runThreads, threads } from "../../src/flights/run/threads.ts"
import { assertSame, flightsFile } from "./support.ts"

/** Runs the job, and ends a thread at each of some reports, in turn. */
const dying =
  (...at: ReadonlyArray<number>): Runner =>
  (plan, options, hooks) =>
    Effect.gen(function* () {
      const born: Array<Worker> = []
      const listener = (worker: Worker) => void born.push(worker)
      process.on("worker", listener)
      yield* Effect.addFinalizer(() => Effect.sync(() => process.off("worker", listener)))
      let reports = 0
      let killed = 0
      const onPart: typeof hooks.onPart = (report) => {
        const kill = at.includes(++reports) ? born[killed++].terminate() : Promise.resolve(0)
        return Effect.andThen(
          Effect.promise(() => kill),
          hooks.onPart(report)
        )
      }
      const outcome = yield* threads(plan, options, { ...hooks, onPart })
      assert.isAbove(born.length, options.workers)
      return outcome
    }).pipe(Effect.scoped)

describe("threads that die", () => {
  for (const [by, window, workers] of [
    ["origin", "1d", 1],
    ["route", "1d", 2]
  ] as ReadonlyArray<readonly [By, Window, number]>) {
    it.live(
      `by ${by}, window ${window}, ${workers} workers`,
      () =>
        Effect.gen(function* () {
          const options = { input: flightsFile, by, window, workers }
          const expected = yield* runThreads(options)
          const report = yield* FlightDelays.run(options, dying(1, 4), new Progress())
          assert.strictEqual(report.rows, 3_000_000)
          assertSame(report.results, expected.results)
          assert.deepStrictEqual(report.messages, expected.messages)
        }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer)),
      60_000
    )
  }
})
