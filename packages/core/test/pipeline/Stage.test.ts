import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import * as PipelineTest from "../../src/pipeline/PipelineTest.ts"
import * as Stage from "../../src/pipeline/Stage.ts"
import { byKey, Event, event, timed } from "./events.ts"

const numbers = Stream.fromIterable(Array.from({ length: 10 }, (_, i) => i))
const odd = (n: number): number => {
  if (n % 2 === 0) throw new RangeError(`${n} is even`)
  return n
}
const half = (onError: Pipeline.OnError) =>
  Stage.map("half", { in: Schema.Number, out: Schema.Number, run: odd, onError })

class Offset extends Context.Service<Offset, { readonly by: number }>()("test/Offset") {}

describe("Stage", () => {
  it.effect("maps, filters and flattens", () =>
    Effect.gen(function* () {
      const twice = Stage.flatMap("twice", { in: Schema.Number, out: Schema.Number, run: (n) => [n, n] })
      const small = Stage.filter("small", { in: Schema.Number, run: (n: number) => n < 3 })
      const text = Stage.map("text", { in: Schema.Number, out: Schema.String, run: String })
      const out = yield* numbers.pipe(Pipeline.via(twice), Pipeline.via(small), Pipeline.via(text), Stream.runCollect)
      assert.deepStrictEqual(out, ["0", "0", "1", "1", "2", "2"])
    })
  )

  it.effect("fails with the stage and the element", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(numbers.pipe(Pipeline.via(half("fail")), Stream.runDrain))
      assert.strictEqual(failure.message, "stage half failed in element (element 0): RangeError: 0 is even")
    })
  )

  it.effect("says what an Effect failed with, whatever that is", () =>
    Effect.gen(function* () {
      const failing = (error: unknown) =>
        Stage.mapEffect("call", { in: Schema.Number, out: Schema.Number, run: () => Effect.fail(error) })
      class Refused extends Data.TaggedError("Refused")<{ readonly code: number }> {}
      for (const [error, detail] of [
        [{ _tag: "NoDatabase", host: "nowhere" }, '{"_tag":"NoDatabase","host":"nowhere"}'],
        [new Refused({ code: 7 }), 'Refused: {"code":7,"_tag":"Refused"}'],
        [new RangeError("too large"), "RangeError: too large"],
        ["no", "no"],
        [null, "null"]
      ] as const) {
        const failure = yield* Effect.flip(numbers.pipe(Pipeline.via(failing(error)), Stream.runDrain))
        assert.instanceOf(failure, Pipeline.PipelineFailed)
        assert.strictEqual(failure.detail, detail)
        assert.strictEqual(failure.element, "0")
      }
    })
  )

  it.effect("fails alike behind a stage of Effects", () =>
    Effect.gen(function* () {
      const pass = Stage.mapEffect("pass", { in: Event, out: Event, run: (e) => Effect.as(Effect.yieldNow, e) })
      const strict = Stage.map("strict", { in: Event, out: Schema.Number, run: (e) => odd(e.value) })
      const test = yield* PipelineTest.make(timed().pipe(Pipeline.via(pass), Pipeline.via(strict)))
      const failure = yield* Effect.flip(test.feed([event("a", 1, 1), event("a", 2, 2)]))
      assert.strictEqual(failure.stage, "strict")
      assert.strictEqual(failure.detail, "RangeError: 2 is even")
    }).pipe(Effect.scoped)
  )

  it.effect("skips, or makes dead letters", () =>
    Effect.gen(function* () {
      const skipped = yield* numbers.pipe(Pipeline.via(half("skip")), Stream.runCollect)
      assert.deepStrictEqual(skipped, [1, 3, 5, 7, 9])
      const dead = yield* numbers.pipe(Pipeline.via(half("deadLetter")), Pipeline.deadLetters, Stream.runCollect)
      assert.strictEqual(dead.length, 5)
      assert.deepStrictEqual(dead[1], {
        stage: "half",
        phase: "element",
        element: "2",
        detail: "RangeError: 2 is even"
      })
    })
  )

  it.effect("tries again, and takes back what a failed try has emitted", () =>
    Effect.gen(function* () {
      let failures = 2
      const flaky = Stage.flatMap("flaky", {
        in: Schema.Number,
        out: Schema.Number,
        retries: 2,
        *run(n) {
          yield n
          if (n === 4 && failures-- > 0) throw new Error("not yet")
          yield -n
        }
      })
      const out = yield* numbers.pipe(Pipeline.via(flaky), Stream.runCollect)
      assert.deepStrictEqual(out.slice(6, 12), [3, -3, 4, -4, 5, -5])
      assert.strictEqual(out.length, 20)
    })
  )

  it.effect("runs Effects, in order, with what they need", () =>
    Effect.gen(function* () {
      const slow = Stage.mapEffect("slow", {
        in: Schema.Number,
        out: Schema.Number,
        concurrency: 4,
        run: (n) =>
          Effect.andThen(
            n % 3 === 0 ? Effect.yieldNow : Effect.void,
            Effect.map(Offset, ({ by }) => n + by)
          )
      })
      const out = yield* numbers.pipe(Pipeline.via(slow), Stream.runCollect)
      assert.deepStrictEqual(out, [100, 101, 102, 103, 104, 105, 106, 107, 108, 109])
    }).pipe(Effect.provideService(Offset, { by: 100 }))
  )

  it.effect("runs Effects as they are done, bounded, with timeout and retries", () =>
    Effect.gen(function* () {
      let running = 0
      let most = 0
      const tries = new Map<number, number>()
      const call = Stage.mapEffect("call", {
        in: Schema.Number,
        out: Schema.Number,
        concurrency: 3,
        ordered: false,
        timeout: "1 second",
        retries: 1,
        onError: "skip",
        run: (n) =>
          Effect.gen(function* () {
            most = Math.max(most, ++running)
            const tried = (tries.get(n) ?? 0) + 1
            tries.set(n, tried)
            if (n === 2) return yield* Effect.never
            if (n === 5 && tried === 1) return yield* Effect.fail("not yet")
            yield* Effect.sleep(n === 0 ? "500 millis" : "10 millis")
            return n
          }).pipe(Effect.ensuring(Effect.sync(() => running--)))
      })
      const fiber = yield* numbers.pipe(Pipeline.via(call), Stream.runCollect, Effect.forkChild)
      yield* Effect.yieldNow
      while (fiber.pollUnsafe() === undefined) yield* TestClock.adjust("100 millis")
      const out = yield* Fiber.join(fiber)
      assert.deepStrictEqual([...out].sort(), [0, 1, 3, 4, 5, 6, 7, 8, 9])
      assert.isAbove(out.indexOf(0), out.indexOf(1))
      assert.deepStrictEqual([tries.get(2), tries.get(5), tries.get(6)], [2, 2, 1])
      assert.strictEqual(most, 3)
    })
  )

  it.effect("tries Effects again by a schedule, timeouts too", () =>
    Effect.gen(function* () {
      const tries: Array<string> = []
      const call = Stage.mapEffect("call", {
        in: Schema.Number,
        out: Schema.Number,
        timeout: "1 second",
        retry: Schedule.exponential("1 second").pipe(Schedule.upTo({ times: 2 })),
        onError: "deadLetter",
        run: (n) =>
          Effect.gen(function* () {
            tries.push(`${n} at ${yield* Clock.currentTimeMillis}`)
            return n === 0 ? yield* Effect.fail("no") : yield* Effect.never
          })
      })
      const fiber = yield* Stream.make(0, 1).pipe(
        Pipeline.via(call),
        Pipeline.deadLetters,
        Stream.runCollect,
        Effect.forkChild
      )
      while (fiber.pollUnsafe() === undefined) {
        yield* TestClock.adjust("100 millis")
        yield* Effect.yieldNow
      }
      const dead = yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        dead.map(({ detail, element }) => `${element}: ${detail}`),
        ["0: no", "1: TimeoutError: Operation timed out after '1s'"]
      )
      const at = (n: number) => tries.filter((one) => one.startsWith(`${n}`)).map((one) => Number(one.split(" ")[2]))
      const gaps = (n: number) => at(n).flatMap((time, i, all) => (i === 0 ? [] : [time - all[i - 1]]))
      assert.deepStrictEqual(gaps(0), [1000, 2000])
      assert.deepStrictEqual(gaps(1), [2000, 3000])
    })
  )

  it.effect("runs a function on Stream, and keeps time behind it", () =>
    Effect.gen(function* () {
      const running = Stage.stream("running", {
        in: Event,
        out: Schema.Number,
        run: (events) =>
          Stream.scan(
            Stream.map(events, (e) => e.value),
            () => 0,
            (a, b) => a + b
          )
      })
      const test = yield* PipelineTest.make(timed().pipe(Pipeline.via(running)))
      yield* test.feed([event("a", 1), event("a", 2)])
      yield* test.feed([event("a", 3)])
      yield* test.end()
      assert.deepStrictEqual(yield* test.output, [0, 1, 2, 3])
      assert.isTrue(yield* test.ended)
    }).pipe(Effect.scoped)
  )

  it.effect("keeps state by key, with timers in both times and a side output", () =>
    Effect.gen(function* () {
      const process = Stage.process("process", {
        in: Event,
        out: Schema.String,
        side: { odd: Schema.Number },
        init: () => 0,
        handle: (sum, { value }, context) => {
          if (value % 2 === 1) context.side("odd", value)
          context.timerAt(context.time + 10)
          context.clockAt(context.now + 1000)
          return sum + value
        },
        onTimer: (sum, { emit, key, watermark }) => emit(`${key}: ${sum} at ${watermark}`)
      })
      const pipeline = timed().pipe(byKey, Pipeline.via(process))
      const test = yield* PipelineTest.make(pipeline)
      yield* test.feed([event("a", 1, 3), event("b", 2, 2), event("a", 3, 4)])
      assert.deepStrictEqual(yield* test.output, [])
      yield* test.feed([event("b", 13, 2)])
      assert.deepStrictEqual(yield* test.output, ["a: 7 at 2", "b: 4 at 2"])
      yield* test.advance("1 second")
      assert.deepStrictEqual(yield* test.output, ["a: 7 at 12", "b: 4 at 12"])
      const odd = yield* PipelineTest.make(pipeline.pipe(Pipeline.side("odd")))
      yield* odd.feed([event("a", 1, 3), event("b", 2, 2)])
      assert.deepStrictEqual(yield* odd.output, [3])
    }).pipe(Effect.scoped)
  )

  it.effect("drops state by age and by number", () =>
    Effect.gen(function* () {
      const evicted: Array<string> = []
      const counts = (options: { readonly ttl?: number; readonly maxKeys?: number }) =>
        Stage.process("counts", {
          in: Event,
          out: Schema.String,
          init: () => 0,
          handle: (count, e, { emit }) => {
            emit(`${e.key}${count + 1}`)
            return count + 1
          },
          onEvict: (key, count) => void evicted.push(`${key}${count}`),
          ...options
        })
      const aged = yield* PipelineTest.make(timed().pipe(byKey, Pipeline.via(counts({ ttl: 10 }))))
      yield* aged.feed([event("a", 0), event("b", 5), event("a", 6)])
      yield* aged.feed([event("c", 17), event("b", 18)])
      yield* aged.feed([event("a", 19)])
      assert.deepStrictEqual(yield* aged.output, ["a1", "b1", "a2", "c1", "b1", "a1"])
      assert.deepStrictEqual(evicted.splice(0).sort(), ["a2", "b1"])
      const few = yield* PipelineTest.make(timed().pipe(byKey, Pipeline.via(counts({ maxKeys: 2 }))))
      yield* few.feed([event("a", 0), event("b", 0), event("a", 0), event("c", 0), event("b", 0)])
      assert.deepStrictEqual(yield* few.output, ["a1", "b1", "a2", "c1", "b1"])
      assert.deepStrictEqual(evicted, ["b1", "a2"])
    }).pipe(Effect.scoped)
  )
})
