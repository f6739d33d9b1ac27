/**
 * Pipelines on fibers of one thread: frames go through queues, as they are.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { type PipelineFailed, toFailed } from "../PipelineFailed.ts"
import { type Edge, nameOf, targets } from "../plan/Plan.ts"
import type { Launch, Running } from "./Running.ts"
import type { Frame } from "./Frame.ts"
import { pullOutput } from "./output.ts"
import { runSubtask, type Send } from "./runSubtask.ts"
import { buildLayer } from "./buildLayer.ts"
import { receiveSource } from "./sources.ts"
import { Subtask } from "./Subtask.ts"

/** Frames that wait for one subtask. */
const capacity = 16

/** Starts a plan on fibers of this thread. */
export const launch = Effect.fnUntraced(function* ({
  definedAs,
  plan
}: Launch): Effect.fn.Return<Running, PipelineFailed, Scope.Scope> {
  const scope = yield* Effect.scope
  const clock = yield* Clock.Clock
  const provided = definedAs === undefined ? Context.empty() : yield* buildLayer(definedAs.layer, scope)
  const context = Context.merge(yield* Effect.context<never>(), provided)
  const now = () => clock.currentTimeMillisUnsafe()
  const result = yield* Queue.bounded<Frame, unknown>(capacity)
  const queues = new Map<number, ReadonlyArray<Queue.Queue<Frame, unknown>>>()
  for (const chain of plan.chains) {
    const own: Array<Queue.Queue<Frame, unknown>> = []
    for (let i = 0; i < chain.parallelism; i++) own.push(yield* Queue.bounded<Frame, unknown>(capacity))
    queues.set(chain.id, own)
  }
  const sendTo = (edge: Edge, target: number): Send => {
    const queue = edge.to === undefined ? result : queues.get(edge.to.id)![target]
    return (frames) => Effect.asVoid(Queue.offerAll(queue, frames))
  }
  const subtasks: Array<Subtask> = []
  for (const chain of plan.chains) {
    const sends = chain.outputs.map((edge) =>
      Array.from({ length: targets(edge) }, (_, target) => sendTo(edge, target))
    )
    for (let index = 0; index < chain.parallelism; index++) {
      const subtask = yield* Effect.try({
        try: () => new Subtask(chain, index, { scope, context, now }),
        catch: toFailed(nameOf(chain))
      })
      subtasks.push(subtask)
      const receive =
        chain.inputs.length === 0
          ? yield* receiveSource(chain, index, context)
          : Queue.takeAll(queues.get(chain.id)![index])
      yield* Effect.forkScoped(
        Effect.catchCause(runSubtask(subtask, receive, sends, now), (cause) => Queue.failCause(result, cause))
      )
    }
  }
  return {
    pull: pullOutput(plan.result, Queue.takeAll(result)),
    stats: Effect.sync(() =>
      subtasks.map(({ chain, index, stats }) =>
        Object.assign(stats, { depth: Queue.sizeUnsafe(queues.get(chain.id)![index]) })
      )
    )
  }
})
