/** Where elements need an event time, and have none: told before anything runs. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { InvalidConfig } from "../../src/errors/Errors.ts"
import * as Aggregate from "../../src/pipeline/Aggregate.ts"
import * as Join from "../../src/pipeline/Join.ts"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import * as Source from "../../src/pipeline/Source.ts"
import * as Stage from "../../src/pipeline/Stage.ts"
import * as Window from "../../src/pipeline/Window.ts"
import { byKey, Event, source, timed } from "./events.ts"

type AnyPipeline = Pipeline.Pipeline<unknown, unknown, never, unknown>

const counting = (window: Window.Window, name = "counts") =>
  Stage.window(name, {
    in: Event,
    out: Event,
    window,
    aggregate: Aggregate.count,
    result: (key: string, value) => ({ key, value, at: 0 })
  })
const same = Stage.map("same", { in: Event, out: Event, run: (e) => e })
const joins = { out: Event, combine: (left: Event) => left }
const generated = Source.generate("made", { out: Event, count: 3, of: (at) => ({ key: "a", at, value: 1 }) })
const both = (left: AnyPipeline, right: AnyPipeline) =>
  (left as typeof generated).pipe(
    byKey,
    Join.window("both", (right as typeof generated).pipe(byKey), { ...joins, size: 10 })
  )

const hour = Window.tumbling("1 hour")
const perHour = (from: AnyPipeline, window = hour) =>
  (from as typeof generated).pipe(byKey, Pipeline.via(counting(window)))

/** By the stage that needs one, and the source that has none. */
const refused: ReadonlyArray<readonly [what: string, pipeline: AnyPipeline, option: string, source: string]> = [
  ["tumbling", perHour(source()), "counts.input", "events"],
  ["hopping", perHour(source(), Window.hopping(10, 5)), "counts.input", "events"],
  ["sliding", perHour(source(), Window.sliding(10)), "counts.input", "events"],
  ["session", perHour(source(), Window.session(10)), "counts.input", "events"],
  ["global by time", perHour(source(), Window.global({ count: 5, within: 10 })), "counts.input", "events"],
  ["a source in subtasks", perHour(generated), "counts.input", "made"],
  [
    "stages between",
    perHour(
      source().pipe(
        Pipeline.via(same),
        Pipeline.filter(() => true)
      )
    ),
    "counts.input",
    "events"
  ],
  ["one side of a union", perHour(timed().pipe(Join.union(source("late comers")))), "counts.input", "late comers"],
  ["the left of a join", both(source("left"), timed()), "both.input", "left"],
  ["the right of a join", both(timed(), source("right")), "both.input", "right"],
  [
    "combine",
    source().pipe(
      Pipeline.via(
        Stage.combine("here", {
          in: Event,
          out: Stage.Combined(Schema.String, Schema.Int),
          key: (e) => e.key,
          every: 10,
          aggregate: Aggregate.count
        })
      )
    ),
    "here.input",
    "events"
  ],
  [
    "what a side output gives",
    perHour(
      source().pipe(
        Pipeline.split((e) => e.value > 0),
        Pipeline.side("rest")
      )
    ),
    "counts.input",
    "events"
  ]
]

const planned: ReadonlyArray<readonly [what: string, pipeline: AnyPipeline]> = [
  ["event time at the source", perHour(timed())],
  [
    "event time after other stages",
    perHour(
      source().pipe(
        Pipeline.via(same),
        Pipeline.eventTime((e) => e.at)
      )
    )
  ],
  ["by the time of the machine", perHour(source(), Window.tumbling(10, { clock: "processing" }))],
  ["by count", perHour(source(), Window.global(5))],
  ["by count, or the time of the machine", perHour(source(), Window.global({ within: 5, clock: "processing" }))],
  [
    "a window after one by the time of the machine, whose results have that",
    perHour(source().pipe(byKey, Pipeline.via(counting(Window.tumbling(10, { clock: "processing" }), "first"))))
  ],
  ["both sides of a join", both(timed(), timed())],
  [
    "a table beside, whose rows need none",
    perHour(
      timed().pipe(
        Join.table("rows", source("table"), { out: Event, key: (e) => e.key, rowKey: (e) => e.key, combine: (e) => e })
      )
    )
  ],
  [
    "a process whose timers have times",
    perHour(
      source().pipe(
        byKey,
        Pipeline.via(
          Stage.process("timer", {
            in: Event,
            out: Event,
            init: () => 0,
            handle: (_, e, { timerAt }) => timerAt(e.at),
            onTimer: (_, { emit, key, time }) => emit({ key: String(key), at: time, value: 1 })
          })
        )
      )
    )
  ]
]

describe("event time", () => {
  for (const [what, pipeline, option, from] of refused) {
    it.effect(`is missing: ${what}`, () =>
      Effect.gen(function* () {
        const error = (yield* Effect.flip(Stream.runDrain(pipeline))) as InvalidConfig
        assert.strictEqual(error._tag, "InvalidConfig", String(error))
        assert.deepStrictEqual([error.option, error.value], [option, from])
        assert.match(error.allowed, /^elements with an event time, .* put Pipeline.eventTime before it$/)
      })
    )
  }
  for (const [what, pipeline] of planned) {
    it.effect(`is there, or not needed: ${what}`, () =>
      Effect.gen(function* () {
        yield* Stream.runDrain(pipeline)
      })
    )
  }
})
