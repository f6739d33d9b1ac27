/** A pipeline whose stage needs a service, which every thread makes for itself. */
import { threadId } from "node:worker_threads"
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Stage from "@shared-nothing/core/Stage"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

class Place extends Context.Service<Place, { readonly thread: number; readonly calls: () => number }>()("test/Place") {}

const place = Layer.sync(Place, () => {
  let calls = 0
  return { thread: threadId, calls: () => ++calls }
})

const Where = Schema.Struct({ thread: Schema.Int, call: Schema.Int })

const Ask = Stage.mapEffect("ask", {
  in: Schema.Int,
  out: Where,
  run: () => Effect.map(Place, ({ calls, thread }) => ({ thread, call: calls() }))
})

const options = {
  in: Schema.Int,
  build: (numbers: Pipeline.Pipeline<number>) => numbers.pipe(Pipeline.via(Ask, { parallelism: 2 }))
}

export const needy = Pipeline.define("needy", { ...options, layer: place })

/** Its service cannot be made. */
export const poor = Pipeline.define("poor", {
  ...options,
  layer: Layer.effect(Place, Effect.fail({ _tag: "NoDatabase", host: "nowhere" }))
})
