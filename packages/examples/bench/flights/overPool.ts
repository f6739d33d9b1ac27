/**
 * Subject: the job as `npm start` runs it, over a pool of threads.
 *
 * @since 0.1.0
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import type { Results } from "../../src/flights/Results.ts"
import { runPool } from "../../src/flights/run/threads.ts"
import type { RunSubject } from "../harness/Suite.ts"
import { jobOf, outcomeOf, type Row } from "./job.ts"

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
export const run: RunSubject<{ readonly workers: number }> = async ({ workers }) => {
  const from = performance.now()
  const { results, rows } = await runPool(jobOf(workers)).pipe(Effect.provide(NodeFileSystem.layer), Effect.runPromise)
  return outcomeOf(performance.now() - from, rows, rowsOf(results))
}
