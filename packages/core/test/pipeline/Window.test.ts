import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Aggregate from "../../src/pipeline/Aggregate.ts"
import * as Join from "../../src/pipeline/Join.ts"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import * as PipelineTest from "../../src/pipeline/PipelineTest.ts"
import * as Stage from "../../src/pipeline/Stage.ts"
import * as Window from "../../src/pipeline/Window.ts"
import { byKey, Event, event, source, timed } from "./events.ts"

const Out = Schema.String

const sums = (window: Window.Window) =>
  Stage.window("sums", {
    in: Event,
    out: Out,
    window,
    aggregate: Aggregate.sum((e: Event) => e.value),
    result: (key: string, total, { end, start }) => `${key} ${start}-${end}: ${total}`
  })

describe("Window", () => {
  it.effect("tumbles: a window goes out when event time has passed it", () =>
    Effect.gen(function* () {
      const test = yield* PipelineTest.make(timed().pipe(byKey, Pipeline.via(sums(Window.tumbling(10)))))
      yield* test.feed([event("a", 1), event("b", 2), event("a", 9)])
      assert.deepStrictEqual(yield* test.output, [])
      yield* test.feed([event("a", 10)])
      assert.deepStrictEqual(yield* test.output, ["a 0-10: 2", "b 0-10: 1"])
      yield* test.end()
      assert.deepStrictEqual(yield* test.output, ["a 10-20: 1"])
      assert.isTrue(yield* test.ended)
    }).pipe(Effect.scoped)
  )

  it.effect("waits for elements out of order, and takes late ones to the side", () =>
    Effect.gen(function* () {
      const windows = timed(5).pipe(byKey, Pipeline.via(sums(Window.tumbling(10))))
      const test = yield* PipelineTest.make(windows)
      const late = yield* PipelineTest.make(windows.pipe(Pipeline.side("late")))
      const events = [[event("a", 3), event("a", 14)], [event("a", 8)], [event("a", 16)], [event("a", 9, 7)]]
      for (const batch of events) {
        yield* test.feed(batch)
        yield* late.feed(batch)
      }
      assert.deepStrictEqual(yield* test.output, ["a 0-10: 2"])
      assert.deepStrictEqual(yield* late.output, [event("a", 9, 7)])
    }).pipe(Effect.scoped)
  )

  it.effect("takes what comes at the last moment", () =>
    Effect.gen(function* () {
      const windows = timed(5).pipe(byKey, Pipeline.via(sums(Window.tumbling(10))))
      const test = yield* PipelineTest.make(windows)
      yield* test.feed([event("b", 14)])
      yield* test.feed([event("a", 9)])
      yield* test.feed([event("b", 15)])
      assert.deepStrictEqual(yield* test.output, ["a 0-10: 1"])
    }).pipe(Effect.scoped)
  )

  it.effect("emits again for each element within the allowed lateness", () =>
    Effect.gen(function* () {
      const test = yield* PipelineTest.make(
        timed().pipe(byKey, Pipeline.via(sums(Window.tumbling(10, { lateness: 5 }))))
      )
      yield* test.feed([event("a", 3), event("a", 12)])
      assert.deepStrictEqual(yield* test.output, ["a 0-10: 1"])
      yield* test.feed([event("a", 4)])
      assert.deepStrictEqual(yield* test.output, ["a 0-10: 2"])
      yield* test.feed([event("a", 16)])
      yield* test.feed([event("a", 5)])
      assert.deepStrictEqual(yield* test.output, [])
    }).pipe(Effect.scoped)
  )

  it.effect("hops: an element is in size / every windows", () =>
    Effect.gen(function* () {
      const test = yield* PipelineTest.make(timed().pipe(byKey, Pipeline.via(sums(Window.hopping(10, 5)))))
      yield* test.feed([event("a", 7), event("a", 12)])
      yield* test.end()
      assert.deepStrictEqual(yield* test.output, ["a 0-10: 1", "a 5-15: 2", "a 10-20: 1"])
    }).pipe(Effect.scoped)
  )

  it.effect("gathers sessions, and joins those that an element connects", () =>
    Effect.gen(function* () {
      const test = yield* PipelineTest.make(timed(20).pipe(byKey, Pipeline.via(sums(Window.session(10)))))
      yield* test.feed([event("a", 0), event("a", 15), event("b", 3)])
      yield* test.feed([event("a", 8)])
      yield* test.feed([event("a", 40)])
      assert.deepStrictEqual(yield* test.output, ["b 3-13: 1"])
      yield* test.end()
      assert.deepStrictEqual(yield* test.output, ["a 0-25: 3", "a 40-50: 1"])
    }).pipe(Effect.scoped)
  )

  it.effect("slides: a result for each element, of what came up to it", () =>
    Effect.gen(function* () {
      const test = yield* PipelineTest.make(timed(5).pipe(byKey, Pipeline.via(sums(Window.sliding(10)))))
      yield* test.feed([event("a", 5), event("a", 3), event("a", 14)])
      yield* test.end()
      assert.deepStrictEqual(yield* test.output, ["a -6-4: 1", "a -4-6: 2", "a 5-15: 2"])
    }).pipe(Effect.scoped)
  )

  it.effect("counts: every so many elements of a key", () =>
    Effect.gen(function* () {
      const test = yield* PipelineTest.make(source().pipe(byKey, Pipeline.via(sums(Window.global(2)))))
      yield* test.feed([event("a", 0), event("b", 0), event("a", 0, 4), event("a", 0)])
      const total = (text: string) => text.replace(/ .*:/, "")
      assert.deepStrictEqual((yield* test.output).map(total), ["a 5"])
      yield* test.end()
      assert.deepStrictEqual((yield* test.output).map(total), ["b 1", "a 1"])
    }).pipe(Effect.scoped)
  )

  it.effect("fires by count or by event time, whichever comes first", () =>
    Effect.gen(function* () {
      const trigger = Window.global({ count: 3, within: 10 })
      const test = yield* PipelineTest.make(timed(2).pipe(byKey, Pipeline.via(sums(trigger))))
      const total = (text: string) => text.replace(/ .*:/, "")
      const step = function* (...events: ReadonlyArray<Event>) {
        yield* test.feed(events)
        return (yield* test.output).map(total)
      }
      assert.deepStrictEqual(yield* step(event("a", 0), event("a", 1), event("b", 5), event("a", 2)), ["a 3"])
      // The first three are out, so this one begins anew: it is due at 14, and b at 15.
      assert.deepStrictEqual(yield* step(event("a", 4, 2), event("c", 15)), [])
      assert.deepStrictEqual(yield* step(event("c", 16)), ["a 2"])
      yield* test.restart
      assert.deepStrictEqual(yield* step(event("c", 17)), ["c 3", "b 1"])
      assert.deepStrictEqual(yield* step(event("d", 20)), [])
      yield* test.end()
      assert.deepStrictEqual((yield* test.output).map(total), ["d 1"])
    }).pipe(Effect.scoped)
  )

  it.effect("gives what came late to the time of its own result", () =>
    Effect.gen(function* () {
      const timesOf = Stage.process("times", {
        in: Out,
        out: Schema.Number,
        init: () => 0,
        handle: (_, __, { emit, time, watermark }) => {
          assert.isAbove(time, watermark)
          emit(time)
        }
      })
      const pipeline = timed(5).pipe(
        byKey,
        Pipeline.via(sums(Window.global({ within: 10 }))),
        Pipeline.keyBy(() => 0),
        Pipeline.via(timesOf)
      )
      const test = yield* PipelineTest.make(pipeline)
      yield* test.feed([event("a", 0), event("b", 12), event("a", 11)])
      yield* test.feed([event("b", 16)])
      assert.deepStrictEqual(yield* test.output, [11])
      yield* test.feed([event("c", 40)])
      assert.deepStrictEqual(yield* test.output, [21])
    }).pipe(Effect.scoped)
  )

  it.effect("fires by the clock, and keeps what it has if it is told to", () =>
    Effect.gen(function* () {
      const trigger = Window.global({ within: "1 second", clock: "processing", keep: true })
      const test = yield* PipelineTest.make(source().pipe(byKey, Pipeline.via(sums(trigger))))
      yield* test.feed([event("a", 0), event("a", 0)])
      yield* test.advance("999 millis")
      assert.deepStrictEqual(yield* test.output, [])
      yield* test.advance("1 millis")
      assert.deepStrictEqual(yield* test.output, ["a -Infinity-Infinity: 2"])
      yield* test.advance("5 seconds")
      assert.deepStrictEqual(yield* test.output, [])
      yield* test.feed([event("a", 0, 5)])
      yield* test.restart
      yield* test.advance("1 second")
      assert.deepStrictEqual(yield* test.output, ["a -Infinity-Infinity: 7"])
      yield* test.end()
      assert.deepStrictEqual(yield* test.output, [])
    }).pipe(Effect.scoped)
  )

  it.effect("gives a result of its own each time that it goes out", () =>
    Effect.gen(function* () {
      const lists = (
        window: Window.Window,
        aggregate: Aggregate.Aggregate<Event, Array<Event>, ReadonlyArray<Event>>
      ) =>
        Stage.window("lists", {
          in: Event,
          out: Schema.Array(Event),
          window,
          aggregate,
          result: (_: string, all) => all
        })
      for (const aggregate of [Aggregate.collect<Event>(), Aggregate.topK(9, (e: Event) => e.value)]) {
        const kept = source().pipe(byKey, Pipeline.via(lists(Window.global({ count: 1, keep: true }), aggregate)))
        const late = timed().pipe(byKey, Pipeline.via(lists(Window.tumbling(10, { lateness: 90 }), aggregate)))
        for (const [pipeline, first] of [
          [kept, []],
          [late, [event("b", 50)]]
        ] as const) {
          const test = yield* PipelineTest.make(pipeline)
          yield* test.feed(first)
          yield* test.feed([event("a", 1), event("a", 2), event("a", 3)])
          assert.deepStrictEqual(
            (yield* test.output).map(({ length }) => length),
            [1, 2, 3]
          )
        }
      }
    }).pipe(Effect.scoped)
  )

  it.effect("goes by the clock in processing time", () =>
    Effect.gen(function* () {
      const test = yield* PipelineTest.make(
        source().pipe(byKey, Pipeline.via(sums(Window.tumbling("1 second", { clock: "processing" }))))
      )
      yield* test.feed([event("a", 0)])
      yield* test.advance("500 millis")
      yield* test.feed([event("a", 0)])
      assert.deepStrictEqual(yield* test.output, [])
      yield* test.advance("500 millis")
      assert.deepStrictEqual(yield* test.output, ["a 0-1000: 2"])
    }).pipe(Effect.scoped)
  )

  it.effect("does not wait for an idle source", () =>
    Effect.gen(function* () {
      const idle = source().pipe(Pipeline.eventTime((e) => e.at, { idleAfter: "1 second" }))
      const busy = source("busy").pipe(Pipeline.eventTime((e) => e.at))
      const test = yield* PipelineTest.make(busy.pipe(Join.union(idle), byKey, Pipeline.via(sums(Window.tumbling(10)))))
      yield* test.feed([event("a", 3)], "events")
      yield* test.feed([event("a", 4), event("a", 50)], "busy")
      assert.deepStrictEqual(yield* test.output, [])
      yield* test.advance("1 second")
      assert.deepStrictEqual(yield* test.output, ["a 0-10: 2"])
    }).pipe(Effect.scoped)
  )

  it.effect("aggregates several things at once", () =>
    Effect.gen(function* () {
      const stage = Stage.window("all", {
        in: Event,
        out: Schema.Struct({
          count: Schema.Number,
          sum: Schema.Number,
          min: Schema.Number,
          max: Schema.Number,
          mean: Schema.Number,
          top: Schema.Array(Event)
        }),
        window: Window.tumbling(100),
        aggregate: Aggregate.struct({
          count: Aggregate.count,
          sum: Aggregate.sum((e: Event) => e.value),
          min: Aggregate.min((e: Event) => e.value),
          max: Aggregate.max((e: Event) => e.value),
          mean: Aggregate.mean((e: Event) => e.value),
          top: Aggregate.topK(2, (e: Event) => e.value)
        }),
        result: (_: string, total) => total
      })
      const test = yield* PipelineTest.make(timed().pipe(byKey, Pipeline.via(stage)))
      yield* test.feed([event("a", 1, 4), event("a", 2, 6), event("a", 3, 5)])
      yield* test.end()
      assert.deepStrictEqual(yield* test.output, [
        { count: 3, sum: 15, min: 4, max: 6, mean: 5, top: [event("a", 2, 6), event("a", 3, 5)] }
      ])
    }).pipe(Effect.scoped)
  )
})
