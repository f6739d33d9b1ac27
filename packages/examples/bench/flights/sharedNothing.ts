/**
 * Subject: the job as `npm start` runs it, a pipeline on threads.
 *
 * @since 0.1.0
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import type { Results } from "../../src/flights/Results.ts"
import { runThreads } from "../../src/flights/run/threads.ts"
import type { RunSubject } from "../harness/Suite.ts"
import { type FlightArgs, jobOf, outcomeOf, type Row } from "./job.ts"

function* rowsOf({ keys }: Results): Generator<Row> {
  for (const { columns, from, name, to } of keys) {
    const { delayed, flights, maxima, totals, windows } = columns
    for (let i = from; i < to; i++) yield [name, windows[i], flights[i], delayed[i], totals[i], maxima[i]]
  }
}

/**
 * @category running
 * @since 0.1.0
 */
export const run: RunSubject<FlightArgs> = async (args) => {
  const from = performance.now()
  const { results, rows } = await runThreads(jobOf(args)).pipe(Effect.provide(NodeFileSystem.layer), Effect.runPromise)
  return outcomeOf(args, performance.now() - from, rows, rowsOf(results))
}
