import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Aggregate from "../../src/pipeline/Aggregate.ts"
import * as Join from "../../src/pipeline/Join.ts"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import * as Source from "../../src/pipeline/Source.ts"
import * as Stage from "../../src/pipeline/Stage.ts"
import * as Window from "../../src/pipeline/Window.ts"

const Count = Schema.Struct({ word: Schema.String, count: Schema.Int })
const Words = Stage.flatMap("words", { in: Schema.String, out: Schema.String, run: (line) => line.split(" ") })
const Tally = Stage.window("tally", {
  in: Schema.String,
  out: Count,
  window: Window.global(Number.MAX_SAFE_INTEGER),
  aggregate: Aggregate.count,
  result: (word: string, count) => ({ word, count })
})
const lines = Array.from({ length: 1000 }, (_, i) => `the word ${i % 7} of ${i % 3}`)

const counted = (entries: ReadonlyArray<typeof Count.Type>) =>
  Object.fromEntries([...entries].sort((a, b) => (a.word < b.word ? -1 : 1)).map(({ count, word }) => [word, count]))

const expected = () => {
  const counts: Record<string, number> = {}
  for (const line of lines) for (const word of line.split(" ")) counts[word] = (counts[word] ?? 0) + 1
  return counts
}

describe("Pipeline", () => {
  for (const [first, second] of [
    [1, 1],
    [2, 1],
    [1, 3],
    [3, 4]
  ] as const) {
    it.effect(`counts words, parallelism ${first} and ${second}`, () =>
      Effect.gen(function* () {
        const entries = yield* Stream.fromIterable(lines).pipe(
          Pipeline.via(Words, { parallelism: first }),
          Pipeline.keyBy((word) => word),
          Pipeline.via(Tally, { parallelism: second }),
          Stream.runCollect
        )
        assert.deepStrictEqual(counted(entries), expected())
      })
    )
  }

  it.effect("sends keys to the subtasks that are named for them", () =>
    Effect.gen(function* () {
      const Where = Stage.process("where", {
        in: Schema.Int,
        out: Schema.Struct({ key: Schema.Int, first: Schema.Boolean }),
        init: () => ({ seen: 0 }),
        handle: (state, key: number, { emit }) => emit({ key, first: state.seen++ === 0 })
      })
      const running = yield* Source.range(0, 100, { parallelism: 2 }).pipe(
        Pipeline.keyBy((n) => n % 5, { place: (key, subtasks) => (key === 4 ? 2 : key % 2) % subtasks }),
        Pipeline.via(Where, { parallelism: 3 }),
        Pipeline.run
      )
      const out = yield* Stream.runCollect(running.output)
      assert.strictEqual(out.filter(({ first }) => first).length, 5)
      const received = (yield* running.stats).filter(({ name }) => name === "where").map((stats) => stats.received)
      assert.deepStrictEqual(received, [40, 40, 20])
    }).pipe(Effect.scoped)
  )

  it.effect("fails on a place that there is not", () =>
    Effect.gen(function* () {
      const sum = Stage.process("sum", {
        in: Schema.Number,
        out: Schema.Number,
        init: () => 0,
        handle: (all, n) => all + n
      })
      for (const wrong of [3, -1, 0.5, Number.NaN]) {
        const failure = yield* Source.range(0, 10).pipe(
          Pipeline.keyBy((n) => n, { place: () => wrong }),
          Pipeline.via(sum, { parallelism: 3 }),
          Stream.runDrain,
          Effect.flip
        )
        assert.include(failure.message, `place gives ${wrong} for 0, and there are subtasks 0 to 2`)
      }
    })
  )

  it.effect("explains itself", () =>
    Effect.gen(function* () {
      const pipeline = Stream.fromIterable(lines).pipe(
        Pipeline.via(Words, { parallelism: 2 }),
        Pipeline.keyBy((word) => word),
        Pipeline.via(Tally, { parallelism: 3 })
      )
      assert.strictEqual(
        yield* Pipeline.explain(pipeline),
        [
          "[0] stream  × 1, where it is run",
          "      ── rebalance ──▶ [1] words",
          "[1] words: flatMap  × 2",
          "      ── keyBy ──▶ [2] tally",
          "[2] tally: window (every 9007199254740991 elements)  × 3",
          "      ── rebalance ──▶ output"
        ].join("\n")
      )
    })
  )

  it.effect("draws itself", () =>
    Effect.gen(function* () {
      const pipeline = Stream.fromIterable(lines).pipe(Pipeline.via(Words))
      assert.strictEqual(
        yield* Pipeline.explain(pipeline, "mermaid"),
        [
          "flowchart LR",
          '  c0["stream<br/>× 1"]',
          '  c1["words: flatMap<br/>× 1"]',
          "  out([output])",
          '  c0 -- "forward" --> c1',
          '  c1 -- "forward" --> out'
        ].join("\n")
      )
    })
  )

  it.effect("fuses stages that can share a subtask, unless told not to", () =>
    Effect.gen(function* () {
      const stages = (disjoint: boolean) =>
        Source.range(0, 10, { parallelism: 2 }).pipe(
          Pipeline.filter((n) => n > 1),
          Pipeline.via(Stage.map("text", { in: Schema.Number, out: Schema.String, run: String }), { disjoint })
        )
      const count = (text: string) => text.split("\n").filter((line) => line.startsWith("[")).length
      assert.strictEqual(count(yield* Pipeline.explain(stages(false))), 1)
      assert.strictEqual(count(yield* Pipeline.explain(stages(true))), 2)
      for (const disjoint of [false, true]) {
        const out = yield* Stream.runCollect(stages(disjoint))
        assert.deepStrictEqual([...out].sort(), ["2", "3", "4", "5", "6", "7", "8", "9"])
      }
    })
  )

  it.effect("splits, and unites what it has split", () =>
    Effect.gen(function* () {
      const parts = Source.range(0, 6).pipe(Pipeline.split((n) => n % 2 === 0))
      const rest = parts.pipe(Pipeline.side("rest"))
      assert.deepStrictEqual(yield* Stream.runCollect(parts), [0, 2, 4])
      assert.deepStrictEqual(yield* Stream.runCollect(rest), [1, 3, 5])
      const all = yield* parts.pipe(Join.union(rest), Stream.runCollect)
      assert.deepStrictEqual([...all].sort(), [0, 1, 2, 3, 4, 5])
    })
  )

  it.effect("broadcasts to every subtask", () =>
    Effect.gen(function* () {
      const text = Stage.map("text", { in: Schema.Number, out: Schema.String, run: String })
      const out = yield* Source.range(0, 3).pipe(
        Pipeline.broadcast,
        Pipeline.via(text, { parallelism: 3 }),
        Stream.runCollect
      )
      assert.deepStrictEqual([...out].sort(), ["0", "0", "0", "1", "1", "1", "2", "2", "2"])
    })
  )

  it.effect("takes no more from a source than there is room for", () =>
    Effect.gen(function* () {
      let taken = 0
      const batch = 100
      const source = Stream.fromIterable(Array.from({ length: 1000 }, (_, i) => i)).pipe(
        Stream.flatMap((n) => Stream.fromIterable(Array.from({ length: batch }, (_, i) => n * batch + i))),
        Stream.rechunk(batch),
        Stream.tap(() => Effect.sync(() => taken++))
      )
      const same = Stage.map("same", { in: Schema.Number, out: Schema.Number, run: (n) => n })
      const running = yield* Pipeline.run(source.pipe(Pipeline.via(same, { parallelism: 2 })))
      for (let quiet = 0, before = -1; quiet < 100; quiet++) {
        yield* Effect.yieldNow
        if (taken !== before) quiet = 0
        before = taken
      }
      // Everything is full: queues of 16 frames at three places, and what is in hand.
      assert.isAbove(taken, 0)
      assert.isBelow(taken, 100 * batch)
      assert.strictEqual(yield* Stream.runCount(running.output), 1000 * batch)
    }).pipe(Effect.scoped)
  )

  it.effect("lets go of its sources when its output is left early", () =>
    Effect.gen(function* () {
      let released = 0
      const source = Stream.ensuring(
        Stream.forever(Stream.fromIterable(lines)),
        Effect.sync(() => released++)
      )
      const first = yield* source.pipe(Pipeline.via(Words, { parallelism: 2 }), Stream.take(3), Stream.runCollect)
      assert.deepStrictEqual(first, ["the", "word", "0"])
      assert.strictEqual(released, 1)
    })
  )

  it.effect("counts what each subtask does", () =>
    Effect.gen(function* () {
      const running = yield* Pipeline.run(
        Stream.fromIterable(lines).pipe(
          Pipeline.via(Words, { parallelism: 2 }),
          Pipeline.keyBy((word) => word),
          Pipeline.via(Tally, { parallelism: 2 })
        )
      )
      yield* Stream.runDrain(running.output)
      const stats = yield* running.stats
      const received = (name: string) =>
        stats.filter((one) => one.name === name).reduce((sum, one) => sum + one.received, 0)
      assert.strictEqual(received("words"), lines.length)
      assert.strictEqual(
        received("tally"),
        Object.values(expected()).reduce((a, b) => a + b, 0)
      )
      assert.isTrue(stats.every(({ done }) => done))
    }).pipe(Effect.scoped)
  )
})
