/**
 * Rival: the same reader and a plain loop over maps, in one thread.
 *
 * @since 0.1.0
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import { type Groups, runOneThread } from "../../src/flights/Reference.ts"
import type { RunSubject } from "../harness/Suite.ts"
import { type FlightArgs, jobOf, outcomeOf, type Row } from "./job.ts"

function* rowsOf(groups: Groups): Generator<Row> {
  for (const [key, windows] of groups) {
    for (const [window, { delayed, flights, max, total }] of windows) yield [key, window, flights, delayed, total, max]
  }
}

/**
 * @category running
 * @since 0.1.0
 */
export const run: RunSubject<FlightArgs> = async (args) => {
  const from = performance.now()
  const { groups, rows } = await runOneThread(jobOf(args)).pipe(Effect.provide(NodeFileSystem.layer), Effect.runPromise)
  return outcomeOf(args, performance.now() - from, rows, rowsOf(groups))
}
