/**
 * Every duration and number that a stage, a window or a combinator is told: what it may not be is refused by
 * name when the pipeline is run, with its value and what is allowed. Nothing throws where it is composed.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { InvalidConfig } from "../../src/errors/Errors.ts"
import * as Aggregate from "../../src/pipeline/Aggregate.ts"
import * as Flow from "../../src/pipeline/Flow.ts"
import * as Join from "../../src/pipeline/Join.ts"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import * as Source from "../../src/pipeline/Source.ts"
import * as Stage from "../../src/pipeline/Stage.ts"
import * as State from "../../src/pipeline/State.ts"
import * as Window from "../../src/pipeline/Window.ts"
import { byKey, Event, timed } from "./events.ts"

type AnyPipeline = Pipeline.Pipeline<unknown, unknown, never, unknown>

/** What no duration and no number is, whatever its bounds. */
const never = [NaN, null, "1 fortnight", "5", "soon", {}.toString, true, "-5 seconds", -1, Duration.seconds(-5)]
const without = (...allowed: ReadonlyArray<unknown>) => never.filter((value) => !allowed.includes(value))
/** Durations: text of digits alone is none. */
const spans = never.filter((value) => value !== null)
const positive = [...spans, 0]
const bounded = [...positive, Infinity, "Infinity"]
const counts = [...without(null), 0, 1.5, "5 seconds"]
const atLeastOne = [...without(null), 0, 0.5, "5 seconds"]
/** Any finite duration, negative ones included. */
const finite = [NaN, "1 fortnight", Infinity, "-Infinity", true]

const window = (made: Window.Window): AnyPipeline =>
  timed().pipe(
    byKey,
    Pipeline.via(
      Stage.window("counts", {
        in: Event,
        out: Schema.Number,
        window: made,
        aggregate: Aggregate.count,
        result: (_: string, n) => n
      })
    )
  )
const effect = (options: object): AnyPipeline =>
  timed().pipe(
    Pipeline.via(Stage.mapEffect("ask", { in: Event, out: Event, run: (e: Event) => Effect.succeed(e), ...options }))
  )
const kept = (options: object): AnyPipeline =>
  timed().pipe(
    byKey,
    Pipeline.via(Stage.process("kept", { in: Event, out: Event, init: () => 0, handle: () => 0, ...options } as never))
  ) as AnyPipeline
const state = (spec: State.Spec<unknown>): AnyPipeline =>
  timed().pipe(
    byKey,
    Pipeline.via(
      Stage.process("kept", { in: Event, out: Event, state: State.of({ last: spec }), handle: () => {} } as never)
    )
  ) as AnyPipeline
const joins = { out: Schema.Number, combine: () => 1 }

interface Case {
  /** Its name in the error. */
  readonly option: string
  readonly wrong: ReadonlyArray<unknown>
  readonly right: ReadonlyArray<unknown>
  // What is wrong comes from where types do not reach.
  readonly made: (value: never) => AnyPipeline
}

const cases: ReadonlyArray<Case> = [
  {
    option: "counts.window.size",
    wrong: [...bounded, undefined],
    right: [1, "1 hour", 1n],
    made: (v) => window(Window.tumbling(v))
  },
  {
    option: "counts.window.every",
    wrong: [...bounded, 11, "1 hour", undefined],
    right: [10, Duration.millis(5)],
    made: (v) => window(Window.hopping(10, v))
  },
  {
    option: "counts.window.offset",
    wrong: finite,
    right: ["-1 hour", 0],
    made: (v) => window(Window.tumbling(10, { offset: v }))
  },
  {
    option: "counts.window.lateness",
    wrong: spans,
    right: [0, "1 day", Infinity],
    made: (v) => window(Window.tumbling(10, { lateness: v }))
  },
  {
    option: "counts.window.clock",
    wrong: ["Event", 1, null],
    right: ["event", "processing", undefined],
    made: (v) => window(Window.tumbling(10, { clock: v }))
  },
  { option: "counts.window.size", wrong: bounded, right: [1], made: (v) => window(Window.sliding(v)) },
  { option: "counts.window.gap", wrong: bounded, right: ["1 minute"], made: (v) => window(Window.session(v)) },
  { option: "counts.window.count", wrong: counts, right: [1, 5], made: (v) => window(Window.global({ count: v })) },
  {
    option: "counts.window.within",
    wrong: positive,
    right: ["1 second"],
    made: (v) => window(Window.global({ count: 2, within: v }))
  },
  {
    option: "event time.outOfOrderness",
    wrong: [...spans, Infinity],
    right: [0, "1 day", undefined],
    made: (v) => timed(v)
  },
  {
    option: "event time.idleAfter",
    wrong: positive,
    right: ["1 second", Infinity, undefined],
    made: (v) => timed().pipe(Pipeline.eventTime((e) => e.at, { idleAfter: v }))
  },
  {
    option: "ask.concurrency",
    wrong: [...atLeastOne, null],
    right: [1, Infinity],
    made: (v) => effect({ concurrency: v })
  },
  { option: "ask.timeout", wrong: positive, right: ["1 second", undefined], made: (v) => effect({ timeout: v }) },
  { option: "ask.retries", wrong: [...without(), 1.5], right: [0, 3], made: (v) => effect({ retries: v }) },
  {
    option: "ask.onError",
    wrong: ["ignore", null, true],
    right: ["fail", "skip", "deadLetter"],
    made: (v) => effect({ onError: v })
  },
  { option: "kept.ttl", wrong: positive, right: ["1 second", Infinity], made: (v) => kept({ ttl: v }) },
  { option: "kept.maxKeys", wrong: atLeastOne, right: [1], made: (v) => kept({ maxKeys: v }) },
  {
    option: "kept.last: State.value.ttl",
    wrong: positive,
    right: ["1 second"],
    made: (v) => state(State.value({ ttl: v }))
  },
  { option: "kept.last: State.list.max", wrong: counts, right: [1], made: (v) => state(State.list({ max: v })) },
  { option: "kept.last: State.map.ttl", wrong: positive, right: [5], made: (v) => state(State.map({ ttl: v })) },
  { option: "kept.last: State.map.max", wrong: counts, right: [1], made: (v) => state(State.map({ max: v })) },
  {
    option: "here.every",
    wrong: [...bounded, undefined],
    right: ["1 second"],
    made: (v) =>
      timed().pipe(
        Pipeline.via(
          Stage.combine("here", {
            in: Event,
            out: Stage.Combined(Schema.String, Schema.Int),
            key: (e) => e.key,
            every: v,
            aggregate: Aggregate.count
          })
        )
      )
  },
  { option: "grouped.count", wrong: counts, right: [1], made: (v) => timed().pipe(Flow.grouped(v, 5)) },
  { option: "grouped.within", wrong: positive, right: [5], made: (v) => timed().pipe(Flow.grouped(5, v)) },
  {
    option: "rateLimit.perSecond",
    wrong: [...without(), 0, "5 seconds"],
    right: [0.5, 100],
    made: (v) => timed().pipe(Flow.rateLimit(v))
  },
  {
    option: "dedupe.ttl",
    wrong: positive,
    right: ["1 day", undefined],
    made: (v) => timed().pipe(Flow.dedupe((e) => e.key, { ttl: v }))
  },
  {
    option: "dedupe.maxKeys",
    wrong: [...atLeastOne, null],
    right: [1, undefined],
    made: (v) => timed().pipe(Flow.dedupe((e) => e.key, { maxKeys: v }))
  },
  {
    option: "sample.fraction",
    wrong: [...without(), 1.1],
    right: [0, 0.5, 1],
    made: (v) => timed().pipe(Flow.sample(v, (e) => e.key))
  },
  {
    option: "both.size",
    wrong: bounded,
    right: [10],
    made: (v) => timed().pipe(byKey, Join.window("both", timed().pipe(byKey), { ...joins, size: v }))
  },
  {
    option: "both.lower",
    wrong: [NaN, null, "-5", 6, -Infinity],
    right: [-5, 5],
    made: (v) => timed().pipe(byKey, Join.interval("both", timed().pipe(byKey), { ...joins, lower: v, upper: 5 }))
  },
  {
    option: "both.upper",
    wrong: [NaN, null, "5", Infinity],
    right: [0, 5],
    made: (v) => timed().pipe(byKey, Join.interval("both", timed().pipe(byKey), { ...joins, lower: -5, upper: v }))
  },
  {
    option: "numbers.count",
    wrong: [...without(), undefined],
    right: [0, 5],
    made: (v) => Source.generate("numbers", { out: Schema.Number, count: v, of: (i) => i })
  },
  {
    option: "numbers.perSecond",
    wrong: [...without(null), 0],
    right: [1, undefined],
    made: (v) => Source.generate("numbers", { out: Schema.Number, count: 1, perSecond: v, of: (i) => i })
  },
  {
    option: "counts.parallelism",
    wrong: [NaN, 0, -1, 1.5, "2", 129],
    right: [1, 128, undefined],
    made: (v) =>
      timed().pipe(Pipeline.via(Stage.map("counts", { in: Event, out: Event, run: (e) => e }), { parallelism: v }))
  }
]

describe("options of a pipeline", () => {
  for (const [at, { made, option, right, wrong }] of cases.entries()) {
    it.effect(`${option} (${at})`, () =>
      Effect.gen(function* () {
        for (const value of wrong) {
          const error = (yield* Effect.flip(Stream.runDrain(made(value as never)))) as InvalidConfig
          assert.strictEqual(error._tag, "InvalidConfig", `${String(value)}: ${error.message}`)
          assert.strictEqual(error.option, option)
          const isTold =
            Object.is(error.value, value) || (Duration.isDuration(value) && error.value === Duration.format(value))
          assert.isTrue(isTold, `${String(error.value)} is told of ${String(value)}`)
          assert.match(error.message, / is not allowed: \S/)
        }
        for (const value of right) yield* Pipeline.explain(made(value as never))
      })
    )
  }

  it.effect("are told with what a duration may be", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Stream.runDrain(window(Window.tumbling("1 fortnight" as never))))
      assert.strictEqual(
        (error as Error).message,
        'counts.window.size = "1 fortnight" is not allowed: a duration, such as "5 seconds", 5000 (milliseconds) or ' +
          "Duration.seconds(5), longer than 0 and finite"
      )
    })
  )

  it.effect("of a look at a running pipeline", () =>
    Effect.gen(function* () {
      const { ratesEvery, statsEvery } = yield* Pipeline.run(timed())
      for (const interval of [...positive, null]) {
        const [rates, stats] = [ratesEvery(interval as never), statsEvery(interval as never)]
        assert.strictEqual((yield* Effect.flip(Stream.runDrain(rates))).option, "ratesEvery.interval")
        assert.strictEqual((yield* Effect.flip(Stream.runDrain(stats))).option, "statsEvery.interval")
      }
    }).pipe(Effect.scoped)
  )
})
