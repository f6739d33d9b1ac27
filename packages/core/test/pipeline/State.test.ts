import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Aggregate from "../../src/pipeline/Aggregate.ts"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import * as PipelineTest from "../../src/pipeline/PipelineTest.ts"
import * as Stage from "../../src/pipeline/Stage.ts"
import * as State from "../../src/pipeline/State.ts"
import { byKey, Event, event, timed } from "./events.ts"

const evicted: Array<string> = []

const Kept = Stage.process("kept", {
  in: Event,
  out: Schema.String,
  state: State.of({
    last: State.value<number>({ ttl: 10, onEvict: (value) => evicted.push(`value ${value}`) }),
    recent: State.list<number>({ ttl: 20, max: 3, onEvict: (value) => evicted.push(`list ${value}`) }),
    counts: State.map<string, number>({ max: 2, onEvict: (key, count) => evicted.push(`map ${key} ${count}`) }),
    days: State.map<string, number>({ ttl: 30 }),
    sum: State.reducing((a: number, b: number) => a + b),
    best: State.aggregate(
      Aggregate.topK(2, (n: number) => n),
      { ttl: 50, onEvict: (best) => evicted.push(`best ${best.join()}`) }
    )
  }),
  handle: ({ best, counts, days, last, recent, sum }, { at, value }, { emit }) => {
    const before = last.get()
    last.set(value)
    recent.add(value)
    const name = `v${value % 4}`
    counts.set(name, (counts.get(name) ?? 0) + 1)
    days.set(name, at)
    sum.add(value)
    best.add(value)
    emit(
      [before, recent.values().join(), counts.entries().join(" "), days.size, sum.get(), best.get().join()].join(" | ")
    )
  }
})

const kept = timed().pipe(byKey, Pipeline.via(Kept))

const outputs = (restart: boolean) =>
  Effect.gen(function* () {
    evicted.length = 0
    const test = yield* PipelineTest.make(kept)
    const all: Array<string> = []
    for (const [at, value] of [
      [0, 1],
      [5, 2],
      [12, 3],
      [13, 5],
      [40, 4],
      [95, 1]
    ]) {
      yield* test.feed([event("a", at, value)])
      all.push(...(yield* test.output))
      if (restart) yield* test.restart
    }
    return { all, evicted: [...evicted] }
  }).pipe(Effect.scoped)

describe("State containers", () => {
  it.effect("age, are bounded, and tell what they let go of", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* outputs(false), {
        all: [
          " | 1 | v1,1 | 1 | 1 | 1",
          "1 | 1,2 | v1,1 v2,1 | 2 | 3 | 2,1",
          "2 | 1,2,3 | v2,1 v3,1 | 3 | 6 | 3,2",
          "3 | 2,3,5 | v3,1 v1,1 | 3 | 11 | 5,3",
          " | 4 | v1,1 v0,1 | 3 | 15 | 5,4",
          " | 1 | v0,1 v1,2 | 1 | 16 | 1"
        ],
        evicted: [
          "map v1 1",
          "list 1",
          "map v2 1",
          "value 5",
          "list 2",
          "list 3",
          "list 5",
          "map v3 1",
          "value 4",
          "list 4",
          "best 5,4"
        ]
      })
    })
  )

  it.effect("are the same in a successor", () =>
    Effect.gen(function* () {
      const calm = yield* outputs(false)
      assert.deepStrictEqual(yield* outputs(true), calm)
    })
  )

  it.effect("belong to one key each", () =>
    Effect.gen(function* () {
      const test = yield* PipelineTest.make(kept)
      yield* test.feed([event("a", 1, 7), event("b", 1, 8), event("a", 2, 9)])
      const sums = (yield* test.output).map((line) => line.split(" | ")[4])
      assert.deepStrictEqual(sums, ["7", "8", "16"])
    }).pipe(Effect.scoped)
  )

  it.effect("refuse a bound that is none, naming the container", () =>
    Effect.gen(function* () {
      const stage = Stage.process("wrong", {
        in: Event,
        out: Event,
        state: State.of({ recent: State.list<number>({ max: 0 }) }),
        handle: () => {}
      })
      const failure = yield* Effect.flip(Pipeline.explain(timed().pipe(byKey, Pipeline.via(stage))))
      assert.strictEqual(
        failure.message,
        "wrong.recent: State.list.max = 0 is not allowed: a whole number of at least 1"
      )
    })
  )
})
