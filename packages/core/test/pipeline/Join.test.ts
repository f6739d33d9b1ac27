import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Join from "../../src/pipeline/Join.ts"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import * as PipelineTest from "../../src/pipeline/PipelineTest.ts"
import { byKey, type Event, event, timed } from "./events.ts"

const pair = (left: Event, right: Event) => `${left.key} ${left.at}+${right.at}`
const out = Schema.String

describe("Join", () => {
  it.effect("joins by window", () =>
    Effect.gen(function* () {
      const join = Join.window("join", timed(0, "right").pipe(byKey), { out, size: 10, combine: pair })
      const test = yield* PipelineTest.make(timed(0, "left").pipe(byKey, join))
      yield* test.feed([event("a", 1), event("a", 2), event("b", 3), event("a", 12)], "left")
      yield* test.feed([event("a", 5), event("a", 11)], "right")
      assert.deepStrictEqual(yield* test.output, ["a 1+5", "a 2+5"])
      yield* test.end()
      assert.deepStrictEqual(yield* test.output, ["a 12+11"])
    }).pipe(Effect.scoped)
  )

  it.effect("joins by interval, bounds included, and lets go of what nobody can meet", () =>
    Effect.gen(function* () {
      const join = Join.interval("join", timed(0, "right").pipe(byKey), { out, lower: -2, upper: 5, combine: pair })
      const test = yield* PipelineTest.make(timed(0, "left").pipe(byKey, join))
      yield* test.feed([event("a", 10)], "left")
      yield* test.feed([event("a", 7), event("a", 8), event("b", 9), event("a", 15), event("a", 16)], "right")
      assert.deepStrictEqual(yield* test.output, ["a 10+8", "a 10+15"])
      yield* test.feed([event("a", 17)], "left")
      assert.deepStrictEqual(yield* test.output, ["a 17+15", "a 17+16"])
      yield* test.end()
      assert.deepStrictEqual(yield* test.output, [])
    }).pipe(Effect.scoped)
  )

  it.effect("takes what comes too late to the side, each side's with its type", () =>
    Effect.gen(function* () {
      const right = timed(0, "right").pipe(byKey)
      const left = timed(0, "left").pipe(byKey)
      for (const join of [
        left.pipe(Join.window("join", right, { out, size: 10, combine: pair })),
        left.pipe(Join.interval("join", right, { out, lower: 0, upper: 10, combine: pair }))
      ]) {
        for (const [name, late] of [
          ["lateLeft", yield* PipelineTest.make(join.pipe(Pipeline.side("lateLeft")))],
          ["lateRight", yield* PipelineTest.make(join.pipe(Pipeline.side("lateRight")))]
        ] as const) {
          yield* late.feed([event("a", 5, 1), event("a", 100)], "left")
          yield* late.feed([event("a", 6, 2), event("a", 100)], "right")
          yield* late.feed([event("a", 7, 3), event("a", 100)], "left")
          yield* late.feed([event("a", 8, 4), event("a", 100)], "right")
          assert.deepStrictEqual(yield* late.output, [name === "lateLeft" ? event("a", 7, 3) : event("a", 8, 4)])
        }
      }
    }).pipe(Effect.scoped)
  )

  it.effect("joins with a table, whichever comes first", () =>
    Effect.gen(function* () {
      const join = (parallelism: number) =>
        Join.table("names", timed(0, "table"), {
          out,
          parallelism,
          key: (e: Event) => e.key,
          rowKey: (row) => row.key,
          combine: (e, row) => (row === undefined ? undefined : `${e.key}${e.at}: ${row.value}`)
        })
      for (const parallelism of [1, 3]) {
        const test = yield* PipelineTest.make(timed(0, "facts").pipe(join(parallelism)))
        yield* test.feed([event("a", 1), event("c", 1)], "facts")
        yield* test.feed([event("a", 0, 5), event("b", 0, 6), event("a", 0, 7)], "table")
        assert.deepStrictEqual(yield* test.output, [])
        yield* test.end("table")
        assert.deepStrictEqual(yield* test.output, ["a1: 7"])
        yield* test.feed([event("b", 2)], "facts")
        assert.deepStrictEqual(yield* test.output, ["b2: 6"])
      }
    }).pipe(Effect.scoped)
  )

  it.effect("unites streams, and ends with the last", () =>
    Effect.gen(function* () {
      const numbers = (from: number) =>
        Pipeline.fromStream(Schema.Number)(Stream.fromIterable([from, from + 1, from + 2]))
      const all = yield* numbers(0).pipe(Join.union(numbers(10)), Stream.runCollect)
      assert.deepStrictEqual(
        [...all].sort((a, b) => a - b),
        [0, 1, 2, 10, 11, 12]
      )
    })
  )

  it.effect("refuses inputs that are not keyed", () =>
    Effect.gen(function* () {
      const plain = timed(0, "left") as unknown as Pipeline.Keyed<Event, string, Pipeline.PipelineError>
      const join = Join.window("join", timed(0, "right").pipe(byKey), { out, size: 10, combine: pair })
      const failure = yield* Effect.flip(Pipeline.explain(plain.pipe(join)))
      assert.strictEqual(
        failure.message,
        'join.input = "event time" is not allowed: keyed on both sides: put Pipeline.keyBy before it'
      )
    })
  )

  it.effect("refuses inputs whose keys are placed differently", () =>
    Effect.gen(function* () {
      const placed = (place: () => number) => timed(0, "right").pipe(Pipeline.keyBy(({ key }: Event) => key, { place }))
      const first = () => 0
      const join = (right: Pipeline.Keyed<Event, string, Pipeline.PipelineError>) =>
        Pipeline.explain(placed(first).pipe(Join.window("join", right, { out, size: 10, combine: pair })))
      assert.include(yield* join(placed(first)), "window join")
      for (const right of [timed(0, "right").pipe(byKey), placed(() => 0)]) {
        const failure = yield* Effect.flip(join(right))
        assert.strictEqual(
          failure.message,
          'join.input = "event time" is not allowed: placed as the left side is: by one function'
        )
      }
    })
  )
})
