import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Aggregate from "../../src/pipeline/Aggregate.ts"
import { mainOutput, type Node, node } from "../../src/pipeline/Graph.ts"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import * as PipelineTest from "../../src/pipeline/PipelineTest.ts"
import * as Plan from "../../src/pipeline/plan/Plan.ts"
import * as Stage from "../../src/pipeline/Stage.ts"
import * as Window from "../../src/pipeline/Window.ts"
import * as Supervision from "../../src/supervision/Supervision.ts"
import { byKey, Event, event, source, timed } from "./events.ts"

const counts = (window: Window.Window, onError: Pipeline.OnError = "fail") =>
  Stage.window("counts", {
    in: Event,
    out: Schema.Number,
    window,
    onError,
    aggregate: Aggregate.count,
    result: (_: string, n) => n
  })
const refusal = (pipeline: Pipeline.Pipeline<unknown, unknown, unknown, unknown>) =>
  Effect.map(Effect.flip(Pipeline.explain(pipeline)), (failure) => failure.message)

describe("What is refused when a pipeline is built", () => {
  it.effect("a window of size 0", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* refusal(timed().pipe(byKey, Pipeline.via(counts(Window.tumbling(0))))),
        "counts.window.size = 0 is not allowed: longer than 0 and finite"
      )
    })
  )

  it.effect("a trigger that never fires, or is none", () =>
    Effect.gen(function* () {
      const refused = (trigger: Window.Trigger) =>
        refusal(timed().pipe(byKey, Pipeline.via(counts(Window.global(trigger)))))
      assert.match(yield* refused({}), /^counts.window.trigger = .* is not allowed: a count, a time, or both$/)
      assert.match(yield* refused({ count: 1.5 }), /^counts.window.count = 1.5/)
      assert.match(yield* refused({ count: 2, within: 0 }), /^counts.window.within = 0/)
    })
  )

  it.effect("a stage that does not take what comes", () =>
    Effect.gen(function* () {
      const Wide = Schema.Struct({ key: Schema.String, at: Schema.Number, value: Schema.String })
      const stage = Stage.map("wide", { in: Wide, out: Schema.String, run: (e) => e.value })
      // Types refuse it too; a stage may come from where types do not reach.
      const untyped = stage as unknown as Stage.Stage<Event, string>
      assert.strictEqual(
        yield* refusal(source().pipe(Pipeline.via(untyped))),
        'events → wide = "$.value is number, and string is expected" is not allowed: an element of the schema that the stage takes'
      )
    })
  )

  it.effect("a keyed stage without keys, and a parallelism that is none", () =>
    Effect.gen(function* () {
      const unkeyed = timed() as unknown as Pipeline.Keyed<Event, string, Pipeline.PipelineError>
      assert.match(
        yield* refusal(unkeyed.pipe(Pipeline.via(counts(Window.tumbling(1))))),
        /put Pipeline.keyBy before it/
      )
      const text = Stage.map("text", { in: Event, out: Schema.String, run: (e) => e.key })
      assert.match(yield* refusal(source().pipe(Pipeline.via(text, { parallelism: 0 }))), /^text.parallelism = 0/)
      assert.match(
        yield* refusal(source().pipe(Pipeline.forward, Pipeline.via(text, { parallelism: 2 }))),
        /the edge is forward/
      )
    })
  )

  it.effect("a supervision of messages", () =>
    Effect.gen(function* () {
      const refused = (supervision: Supervision.Supervision) =>
        timed().pipe(
          Pipeline.supervised(Supervision.restart().pipe(Supervision.and(supervision))),
          Stream.runDrain,
          Effect.flip,
          Effect.map((error) => (error as Error).message)
        )
      assert.match(
        yield* refused(Supervision.deadline("1 second")),
        /^Pipeline.supervised: deadline = .*1 second.* not allowed: restart/
      )
      assert.match(yield* refused(Supervision.failover), /^Pipeline.supervised: failover = .* not allowed: restart/)
      assert.match(yield* refused(Supervision.retry(Schedule.recurs(1))), /^Pipeline.supervised: retry = /)
      assert.match(yield* refused(Supervision.poison(2)), /^Pipeline.supervised: poison = 2 /)
      assert.match(yield* refused(Supervision.recycleAfter(5)), /^Pipeline.supervised: recycle = /)
      assert.match(yield* refused(Supervision.spares(-1)), /^Supervision.spares = -1 /)
      yield* timed().pipe(Pipeline.supervised(Supervision.restart()), Stream.runDrain)
    })
  )

  it.effect("a cycle", () =>
    Effect.gen(function* () {
      const inputs: Array<Node["inputs"][number]> = []
      const first = node({ name: "first", kind: "map", inputs })
      inputs.push({ from: first, output: mainOutput, route: undefined, schema: undefined })
      const failure = yield* Effect.flip(Effect.fromResult(Plan.make(first)))
      assert.strictEqual(failure.message, 'pipeline = "first" is not allowed: a graph without cycles')
    })
  )
})

describe("What is a dead letter when a pipeline runs", () => {
  it.effect("a time that is NaN", () =>
    Effect.gen(function* () {
      const dead = source().pipe(
        Pipeline.eventTime((e) => e.at, { onError: "deadLetter" }),
        Pipeline.deadLetters
      )
      const test = yield* PipelineTest.make(dead)
      yield* test.feed([event("a", 1), event("a", NaN)])
      assert.deepStrictEqual(yield* test.output, [
        {
          stage: "event time",
          phase: "time",
          element: '{"key":"a","at":null,"value":1}',
          detail: "RangeError: event time NaN is not a finite number"
        }
      ])
    }).pipe(Effect.scoped)
  )

  it.effect("an element whose key cannot be computed", () =>
    Effect.gen(function* () {
      const keyed = timed().pipe(
        Pipeline.keyBy((e): string => {
          if (e.value < 0) throw new RangeError("no key")
          return e.key
        }),
        Pipeline.via(counts(Window.tumbling(10), "deadLetter"), { parallelism: 3 })
      )
      const test = yield* PipelineTest.make(Pipeline.deadLetters(keyed))
      yield* test.feed([event("a", 1), event("b", 1, -1)])
      const [letter] = yield* test.output
      assert.strictEqual(letter.stage, "counts")
      assert.strictEqual(letter.detail, "RangeError: no key")
    }).pipe(Effect.scoped)
  )

  it.effect("an element whose key is none, in whatever subtask", () =>
    Effect.gen(function* () {
      for (const key of [NaN, undefined, null, {}]) {
        for (const parallelism of [1, 3]) {
          const keyed = timed().pipe(
            Pipeline.keyBy((e): string => (e.value < 0 ? (key as unknown as string) : e.key)),
            Pipeline.via(counts(Window.tumbling(10), "deadLetter"), { parallelism })
          )
          const test = yield* PipelineTest.make(Pipeline.deadLetters(keyed))
          yield* test.feed([event("a", 1), event("b", 1, -1)])
          assert.deepStrictEqual(
            (yield* test.output).map(({ detail, element, stage }) => [stage, element, detail]),
            [
              [
                "counts",
                '{"key":"b","at":1,"value":-1}',
                `TypeError: a key is a string, a number or a bigint, and not ${String(key)}`
              ]
            ]
          )
        }
      }
    }).pipe(Effect.scoped)
  )

  it.effect("a watermark that goes backwards does not count", () =>
    Effect.gen(function* () {
      const test = yield* PipelineTest.make(source().pipe(byKey, Pipeline.via(counts(Window.tumbling(10)))))
      yield* test.feedAt([[3, event("a", 3)]])
      yield* test.watermark(5)
      yield* test.watermark(2)
      const stats = (yield* test.stats).find(({ name }) => name === "counts")
      assert.strictEqual(stats?.watermark, 5)
    }).pipe(Effect.scoped)
  )

  it.effect("the failure of a source is the pipeline's own", () =>
    Effect.gen(function* () {
      const failing = Stream.concat(Stream.make(event("a", 1)), Stream.fail("broken" as const))
      const text = Stage.map("text", { in: Event, out: Schema.String, run: (e) => e.key })
      const failure = yield* Effect.flip(failing.pipe(Pipeline.via(text), Stream.runDrain))
      assert.strictEqual(failure, "broken")
    })
  )
})
