/**
 * Subject: the query as a pipeline on threads. The clock runs from when all subtasks are there until
 * the last row has come.
 *
 * @since 0.1.0
 */
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as NodePipelines from "@shared-nothing/platform/NodePipelines"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { queries } from "../../src/nexmark/queries.ts"
import type { Query } from "../../src/nexmark/Query.ts"
import type { RunSubject } from "../harness/Suite.ts"
import { type NexmarkArgs, optionsOf } from "./Args.ts"
import { Sum } from "./check.ts"

/**
 * @category running
 * @since 0.1.0
 */
export const run: RunSubject<NexmarkArgs> = (args, load) =>
  Effect.gen(function* () {
    const options = optionsOf(args, load)
    const query: Query<unknown> = queries[args.query]
    const sum = new Sum(args.query)
    const { output } = yield* Pipeline.run(query(options))
    const from = performance.now()
    yield* Stream.runForEachArray(output, (rows) => Effect.sync(() => sum.add(rows)))
    return sum.outcome(performance.now() - from, options.events)
  }).pipe(
    Effect.scoped,
    Effect.provide(NodePipelines.layerThreads(new URL("../../src/nexmark/queries.ts", import.meta.url))),
    Effect.runPromise
  )
