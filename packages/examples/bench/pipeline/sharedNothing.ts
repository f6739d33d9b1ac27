/**
 * Subject: the pipeline on threads or fibers, from the moment at which its threads are ready.
 *
 * @since 0.1.0
 */
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Supervision from "@shared-nothing/core/Supervision"
import * as NodePipelines from "@shared-nothing/platform/NodePipelines"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { RunSubject } from "../harness/Suite.ts"
import { arrivedOf, expectedOf, nsOfHandlers, type Total } from "./handlers.ts"
import { threeStages } from "./threeStages.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Args {
  readonly parallelism: number
  readonly disjoint: boolean
  readonly where: "threads" | "fibers"
  readonly supervised: boolean
}

const threads = NodePipelines.layerThreads(new URL("./threeStages.ts", import.meta.url))

const once = ({ disjoint, parallelism, supervised, where }: Args, count: number) => {
  const whole = threeStages(Stream.empty, { count, disjoint, parallelism })
  const pipeline = supervised ? Pipeline.supervised(Supervision.restart())(whole) : whole
  const measured = Effect.gen(function* () {
    const { output } = yield* Pipeline.run(pipeline)
    const began = performance.now()
    const totals: ReadonlyArray<Total> = yield* Stream.runCollect(output)
    return { millis: performance.now() - began, totals }
  })
  const scoped = Effect.scoped(measured)
  return Effect.runPromise(where === "threads" ? Effect.provide(scoped, threads) : scoped)
}

/**
 * @category running
 * @since 0.1.0
 */
export const run: RunSubject = async (given, { measureMillis, warmUpMillis }) => {
  const args = given as unknown as Args
  const handlers = nsOfHandlers(Math.min(warmUpMillis, 500))
  // Every run starts threads that know nothing yet: how long the warm-up took says how many elements fill the time.
  const trial = 400_000
  const { millis } = await once(args, trial)
  const count = Math.max(trial, Math.round((trial * measureMillis) / millis))
  const measured = await once(args, count)
  const ns = (measured.millis * 1e6) / count
  return {
    metrics: { nsBeyondHandlers: ns - handlers, nsPerElement: ns, nsOfHandlers: handlers, elementsPerSecond: 1e9 / ns },
    expected: expectedOf(count),
    arrived: arrivedOf(measured.totals)
  }
}
