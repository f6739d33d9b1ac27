/** Where elements go from stage to stage, and in which order; and how they leave a pipeline. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import * as PipelineTest from "../../src/pipeline/PipelineTest.ts"
import * as Source from "../../src/pipeline/Source.ts"
import * as Stage from "../../src/pipeline/Stage.ts"

/** Tells the subtasks of a stage apart: each has a number, by the order in which its first element came. */
const Numbered = Schema.Struct({ n: Schema.Int, first: Schema.Int, second: Schema.Int })

const subtasks = () => {
  let count = 0
  return Stage.stream("first", {
    in: Schema.Int,
    out: Schema.Struct({ n: Schema.Int, first: Schema.Int }),
    run: (elements) => {
      const first = count++
      return Stream.map(elements, (n) => ({ n, first }))
    }
  })
}

const seconds = () => {
  let count = 0
  return Stage.stream("second", {
    in: Schema.Struct({ n: Schema.Int, first: Schema.Int }),
    out: Numbered,
    run: (elements) => {
      const second = count++
      return Stream.map(elements, (element) => ({ ...element, second }))
    }
  })
}

const numbers = Array.from({ length: 120 }, (_, i) => i)
const source = Pipeline.fromStream(Schema.Int)(Stream.empty)

/** The subtasks that handled elements in each stage, and which went from which to which. */
const ways = (all: ReadonlyArray<typeof Numbered.Type>) => new Set(all.map(({ first, second }) => `${first}→${second}`))

/** Elements of one way stay in order. */
const assertOrder = (all: ReadonlyArray<typeof Numbered.Type>) => {
  for (const way of ways(all)) {
    const own = all.filter(({ first, second }) => `${first}→${second}` === way).map(({ n }) => n)
    assert.deepStrictEqual(
      own,
      own.toSorted((a, b) => a - b),
      way
    )
  }
}

const seeds = [1, 2, 3, 4, 5]

describe("An edge", () => {
  it.effect("forward: from each subtask to one of its own", () =>
    Effect.gen(function* () {
      for (const seed of seeds) {
        const pipeline = source.pipe(
          Pipeline.via(subtasks(), { parallelism: 3 }),
          Pipeline.forward,
          Pipeline.via(seconds(), { parallelism: 3, disjoint: true })
        )
        const test = yield* PipelineTest.make(pipeline, { seed, batchSize: 7 })
        yield* test.feed(numbers)
        const all = yield* test.output
        assert.strictEqual(all.length, numbers.length)
        // One way from each, and one to each.
        assert.strictEqual(ways(all).size, 3)
        assert.strictEqual(new Set(all.map(({ first }) => first)).size, 3)
        assert.strictEqual(new Set(all.map(({ second }) => second)).size, 3)
        assertOrder(all)
      }
    }).pipe(Effect.scoped)
  )

  it.effect("rebalance: to all subtasks alike, and each way in order", () =>
    Effect.gen(function* () {
      for (const seed of seeds) {
        const pipeline = source.pipe(
          Pipeline.via(subtasks(), { parallelism: 2 }),
          Pipeline.rebalance,
          Pipeline.via(seconds(), { parallelism: 3 })
        )
        const test = yield* PipelineTest.make(pipeline, { seed, batchSize: 4 })
        yield* test.feed(numbers)
        const all = yield* test.output
        assert.deepStrictEqual(
          all.map(({ n }) => n).sort((a, b) => a - b),
          numbers
        )
        assert.strictEqual(ways(all).size, 6)
        for (const second of [0, 1, 2]) assert.strictEqual(all.filter((one) => one.second === second).length, 40)
        assertOrder(all)
      }
    }).pipe(Effect.scoped)
  )

  it.effect("broadcast: to every subtask, each way in order", () =>
    Effect.gen(function* () {
      const pipeline = source.pipe(
        Pipeline.via(subtasks(), { parallelism: 2 }),
        Pipeline.broadcast,
        Pipeline.via(seconds(), { parallelism: 3 })
      )
      const test = yield* PipelineTest.make(pipeline, { seed: 7, batchSize: 4 })
      yield* test.feed(numbers)
      const all = yield* test.output
      assert.strictEqual(all.length, 3 * numbers.length)
      assert.strictEqual(ways(all).size, 6)
      assertOrder(all)
    }).pipe(Effect.scoped)
  )
})

describe("The end of a pipeline", () => {
  const even = Source.range(0, 100, { parallelism: 2 }).pipe(Pipeline.filter((n) => n % 2 === 0))

  it.effect("is any Sink, or whatever else runs a Stream", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* Stream.run(even, Sink.sum), 2450)
      assert.strictEqual(yield* Stream.run(even, Sink.take<number>(3)).pipe(Effect.map(({ length }) => length)), 3)
      let sum = 0
      yield* Stream.runForEach(even, (n) => Effect.sync(() => (sum += n)))
      assert.strictEqual(sum, 2450)
    })
  )

  it.effect("toStream: the same elements, and another pipeline may begin with them", () =>
    Effect.gen(function* () {
      const text = Stage.map("text", { in: Schema.Number, out: Schema.String, run: String })
      const stream = Pipeline.toStream(even)
      const graph = yield* Pipeline.explain(stream.pipe(Pipeline.via(text)))
      assert.notInclude(graph, "range")
      const out = yield* stream.pipe(Pipeline.via(text), Stream.runCollect)
      assert.deepStrictEqual(
        out.map(Number).sort((a, b) => a - b),
        Array.from({ length: 50 }, (_, i) => 2 * i)
      )
    })
  )
})
