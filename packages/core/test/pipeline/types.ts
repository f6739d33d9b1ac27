/** What the types of pipelines promise: this file only has to type-check. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Aggregate from "../../src/pipeline/Aggregate.ts"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import * as Stage from "../../src/pipeline/Stage.ts"
import * as Window from "../../src/pipeline/Window.ts"

class Offset extends Context.Service<Offset, { readonly by: number }>()("test/types/Offset") {}

const plus = Stage.mapEffect("plus", {
  in: Schema.Number,
  out: Schema.Number,
  run: (n) => Effect.map(Offset, ({ by }) => n + by)
})
const count = Stage.window("count", {
  in: Schema.Number,
  out: Schema.Number,
  window: Window.global(1),
  aggregate: Aggregate.count,
  result: (_: string, n) => n
})

const source = Stream.fail("broken" as const) as Stream.Stream<number, "broken">

/** What a stage needs, and how a source fails, is seen at the end. */
export const needs: Stream.Stream<number, "broken" | Pipeline.PipelineError, Offset> = source.pipe(Pipeline.via(plus))
// @ts-expect-error: `Offset` is not provided
export const needsNothing: Stream.Stream<number, "broken" | Pipeline.PipelineError> = source.pipe(Pipeline.via(plus))
// @ts-expect-error: the source can fail
export const cannotFail: Stream.Stream<number, Pipeline.PipelineError, Offset> = source.pipe(Pipeline.via(plus))

// @ts-expect-error: a keyed stage without keys
source.pipe(Pipeline.via(count))
const byNumber = source.pipe(Pipeline.keyBy((n) => n))
// @ts-expect-error: keys of another type
byNumber.pipe(Pipeline.via(count))
const counts = source.pipe(Pipeline.keyBy(String), Pipeline.via(count))
// @ts-expect-error: elements of another type
Stream.make("text").pipe(Pipeline.via(plus))

/** Side outputs have types of their own. */
export const late: Stream.Stream<number, "broken" | Pipeline.PipelineError> = counts.pipe(Pipeline.side("late"))
// @ts-expect-error: no side output of that name
export const early = counts.pipe(Pipeline.side("early"))
