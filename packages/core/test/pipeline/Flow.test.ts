import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import * as Aggregate from "../../src/pipeline/Aggregate.ts"
import * as Flow from "../../src/pipeline/Flow.ts"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import * as PipelineTest from "../../src/pipeline/PipelineTest.ts"
import * as Source from "../../src/pipeline/Source.ts"
import * as Stage from "../../src/pipeline/Stage.ts"
import * as Window from "../../src/pipeline/Window.ts"
import { event, source, timed } from "./events.ts"

describe("Flow", () => {
  it.effect("groups by count and by time", () =>
    Effect.gen(function* () {
      const test = yield* PipelineTest.make(timed().pipe(Flow.grouped(2, "1 second")))
      const at = (groups: ReadonlyArray<ReadonlyArray<{ readonly at: number }>>) =>
        groups.map((g) => g.map((e) => e.at))
      yield* test.feed([event("a", 1), event("a", 2), event("a", 3)])
      assert.deepStrictEqual(at(yield* test.output), [[1, 2]])
      yield* test.advance("1 second")
      assert.deepStrictEqual(at(yield* test.output), [[3]])
      yield* test.feed([event("a", 4)])
      yield* test.end()
      assert.deepStrictEqual(at(yield* test.output), [[4]])
    }).pipe(Effect.scoped)
  )

  it.effect("groups by time on fibers, under whatever clock", () =>
    Effect.gen(function* () {
      const slow = Stream.concat(Stream.make(1, 2), Stream.never)
      const fiber = yield* Pipeline.fromStream(Schema.Number)(slow).pipe(
        Flow.grouped(10, "1 minute"),
        Stream.take(1),
        Stream.runCollect,
        Effect.forkChild
      )
      yield* Effect.yieldNow
      while (fiber.pollUnsafe() === undefined) yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* Fiber.join(fiber), [[1, 2]])
    })
  )

  it.effect("lets the first of each key through", () =>
    Effect.gen(function* () {
      const first = Flow.dedupe((e: ReturnType<typeof event>) => e.key, { ttl: 10, parallelism: 2 })
      const test = yield* PipelineTest.make(timed().pipe(first))
      yield* test.feed([event("a", 1), event("a", 2), event("b", 3), event("a", 10), event("a", 11)])
      const seen = (yield* test.output).map((e) => `${e.key}${e.at}`)
      assert.deepStrictEqual([...seen].sort(), ["a1", "a11", "b3"])
    }).pipe(Effect.scoped)
  )

  it.effect("samples keys, the same at every parallelism", () =>
    Effect.gen(function* () {
      const run = (parallelism: number) =>
        Source.range(0, 10_000, { parallelism }).pipe(
          Flow.sample(0.1, (n) => n),
          Stream.runCollect
        )
      const [one, three] = [yield* run(1), yield* run(3)]
      assert.deepStrictEqual(
        [...three].sort((a, b) => a - b),
        [...one].sort((a, b) => a - b)
      )
      assert.isAtLeast(one.length, 900)
      assert.isAtMost(one.length, 1100)
    })
  )

  it.effect("slows down what is too fast", () =>
    Effect.gen(function* () {
      const out: Array<number> = []
      const fiber = yield* Pipeline.fromStream(Schema.Number)(Stream.rechunk(Stream.range(1, 4), 1)).pipe(
        Flow.rateLimit(2),
        Stream.runForEach((n) => Effect.sync(() => out.push(n))),
        Effect.forkChild
      )
      const seen: Array<number> = []
      for (let i = 0; i < 4; i++) {
        for (let turn = 0; turn < 100; turn++) yield* Effect.yieldNow
        seen.push(out.length)
        yield* TestClock.adjust("500 millis")
      }
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(seen, [1, 2, 3, 4])
    })
  )

  it.effect("lets no more through in any second, however many come at once", () =>
    Effect.gen(function* () {
      const perSecond = 100
      const times: Array<number> = []
      const fiber = yield* Pipeline.fromStream(Schema.Number)(Stream.range(1, 1000)).pipe(
        Flow.rateLimit(perSecond),
        Stream.runForEach(() => Effect.map(Clock.currentTimeMillis, (now) => times.push(now))),
        Effect.forkChild
      )
      while (fiber.pollUnsafe() === undefined) {
        yield* TestClock.adjust("10 millis")
        yield* Effect.yieldNow
      }
      yield* Fiber.join(fiber)
      assert.strictEqual(times.length, 1000)
      for (const from of times) {
        assert.isAtMost(times.filter((time) => time >= from && time < from + 1000).length, perSecond + 5)
      }
      // And not much less.
      assert.isAtMost(times.at(-1)!, 10_500)
    })
  )

  it.effect("limits a rate under the kit's clock", () =>
    Effect.gen(function* () {
      const minutes = Stage.window("minutes", {
        in: Schema.Number,
        out: Schema.Number,
        window: Window.tumbling("1 minute", { clock: "processing" }),
        aggregate: Aggregate.count,
        result: (_: number, count) => count
      })
      const limited = Pipeline.fromStream(Schema.Number)(Stream.empty).pipe(
        Flow.rateLimit(2),
        Pipeline.keyBy(() => 0),
        Pipeline.via(minutes)
      )
      const test = yield* PipelineTest.make(limited)
      yield* test.feed(Array.from({ length: 300 }, (_, i) => i))
      assert.deepStrictEqual(yield* test.output, [120, 120])
      yield* test.end()
      assert.deepStrictEqual(yield* test.output, [60])
    }).pipe(Effect.scoped)
  )

  it.effect("refuses what makes no sense", () =>
    Effect.gen(function* () {
      const failures = yield* Effect.forEach(
        [Flow.grouped(0, "1 second"), Flow.grouped(2, 0), Flow.rateLimit(0), Flow.sample(2, () => 0)],
        (combinator) => Effect.flip(Pipeline.explain(combinator(source())))
      )
      assert.deepStrictEqual(
        failures.map(({ option }) => option),
        ["grouped.count", "grouped.within", "rateLimit.perSecond", "sample.fraction"]
      )
    })
  )
})
