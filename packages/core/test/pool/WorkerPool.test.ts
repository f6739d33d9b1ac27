import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Partitioner from "../../src/partition/Partitioner.ts"
import * as WorkerPool from "../../src/pool/WorkerPool.ts"
import * as FiberWorkers from "../../src/worker/FiberWorkers.ts"
import * as Worker from "../../src/worker/Worker.ts"

class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.String }) {}

class Tally extends Worker.Service<Tally>()("Tally", {
  message: Schema.Struct({ word: Schema.String, count: Schema.Int }),
  state: Schema.Array(Schema.Tuple([Schema.String, Schema.Int])),
  requests: [
    Rpc.make("Count", { payload: { word: Schema.String }, success: Schema.Int }),
    Rpc.make("Later", { payload: { word: Schema.String }, success: Schema.Int, error: Refused }),
    Rpc.make("Words", { success: Schema.String, error: Refused, stream: true }),
    Rpc.make("Break", { success: Schema.Void })
  ],
  key: (message) => message.word
}) {}

const live = Tally.toLayer({
  init: Effect.sync(() => new Map<string, number>()),
  handle: (state, { count, word }) => {
    if (word === "poison") throw new RangeError("poisoned")
    state.set(word, (state.get(word) ?? 0) + count)
  },
  Count: (state, { word }) => state.get(word) ?? 0,
  Later: (state, { word }) =>
    Effect.gen(function* () {
      yield* Effect.yieldNow
      if (word === "no") return yield* new Refused({ why: "no is no word" })
      return state.get(word) ?? 0
    }),
  Words: (state) => Stream.fromIterable([...state.keys()]),
  Break: () => {
    throw new TypeError("broken on request")
  },
  snapshot: (state, owns) => [...state].filter(([word]) => owns(word)),
  restore: (state, entries) => {
    for (const [word, count] of entries) state.set(word, (state.get(word) ?? 0) + count)
  },
  forget: (state, owns) => {
    for (const word of state.keys()) if (owns(word)) state.delete(word)
  }
})

const backend = FiberWorkers.layer([Tally, live])
const words = Array.from({ length: 500 }, (_, i) => `word-${i}`)
const messages = (count: number) => words.map((word) => ({ word, count }))

describe("WorkerPool", () => {
  it.effect("counts what it is sent, by key", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Tally, { size: 4 })
      yield* pool.sendAll(messages(1))
      yield* pool.sendAll(messages(2))
      for (const word of ["word-0", "word-77", "word-499"])
        assert.strictEqual(yield* pool.ask(word, "Count", { word }), 3)
      assert.strictEqual(yield* pool.ask("word-3", "Later", { word: "word-3" }), 3)
      const counts = yield* pool.askAll("Count", { word: "word-1" })
      assert.deepStrictEqual([...counts].sort(), [0, 0, 0, 3])
      yield* pool.drained
      const stats = yield* pool.stats
      assert.strictEqual(
        stats.reduce((sum, s) => sum + s.depth, 0),
        0
      )
    }).pipe(Effect.scoped, Effect.provide(backend))
  )

  it.effect("gives a declared error back, and goes on", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Tally, { size: 1 })
      const error = yield* Effect.flip(pool.ask("no", "Later", { word: "no" }))
      assert.instanceOf(error, Refused)
      assert.strictEqual((error as Refused).why, "no is no word")
      assert.strictEqual(yield* pool.ask("a", "Count", { word: "a" }), 0)
    }).pipe(Effect.scoped, Effect.provide(backend))
  )

  it.effect("streams answers", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Tally, { size: 1 })
      yield* pool.sendAll(messages(1))
      const all = yield* Stream.runCollect(pool.ask("x", "Words", undefined))
      assert.deepStrictEqual(all, words)
    }).pipe(Effect.scoped, Effect.provide(backend))
  )

  it.effect("a panic ends one worker, names its key, and leaves the others", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Tally, { size: 2 })
      yield* pool.send({ word: "poison", count: 1 })
      const panic = yield* Effect.flip(pool.ask("poison", "Count", { word: "poison" }))
      assert.strictEqual(panic._tag === "WorkerPanicked" ? panic.key : panic._tag, "poison")
      const refused = yield* Effect.flip(pool.send({ word: "poison", count: 1 }))
      assert.strictEqual(refused._tag, "WorkerNotRunning")
      assert.deepStrictEqual("unsent" in refused ? refused.unsent : [], [{ word: "poison", count: 1 }])
      const states = (yield* pool.stats).map((s) => s.state).sort()
      assert.deepStrictEqual(states, ["Running", "Stopped"])
    }).pipe(Effect.scoped, Effect.provide(backend))
  )

  it.effect("a defect in a request is a panic for who asked", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Tally, { size: 1 })
      const panic = yield* Effect.flip(pool.ask("a", "Break", undefined))
      assert.strictEqual(panic._tag === "WorkerPanicked" ? panic.phase : panic._tag, "Break")
    }).pipe(Effect.scoped, Effect.provide(backend))
  )

  it.effect("moves state with its keys when it is resized", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Tally, { size: 2, partitioner: Partitioner.consistentHash() })
      yield* pool.sendAll(messages(1))
      yield* pool.resize(4)
      yield* pool.sendAll(messages(1))
      yield* pool.resize(3)
      yield* pool.sendAll(messages(1))
      yield* pool.recycle(pool.workerIds[1])
      for (const word of words) assert.strictEqual(yield* pool.ask(word, "Count", { word }), 3, word)
      const held = yield* Effect.forEach(pool.workerIds, (id) => Stream.runCollect(pool.askTo(id, "Words", undefined)))
      assert.deepStrictEqual(held.flat().sort(), [...words].sort())
      assert.strictEqual(
        held.every((some) => some.length > 0),
        true
      )
    }).pipe(Effect.scoped, Effect.provide(backend))
  )

  it.effect("holds a paused worker, and lets it go", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Tally, { size: 1 })
      const worker = yield* pool.worker("Tally/0")
      yield* worker.pause
      assert.strictEqual(yield* worker.state, "Paused")
      yield* pool.send({ word: "a", count: 1 })
      assert.strictEqual((yield* pool.stats)[0].handled, 0)
      yield* worker.resume
      assert.strictEqual(yield* pool.ask("a", "Count", { word: "a" }), 1)
      yield* worker.ping
      yield* worker.stop
      assert.strictEqual(yield* worker.state, "Stopped")
      yield* worker.start
      assert.strictEqual((yield* Effect.flip(worker.start))._tag, "WorkerAlreadyRunning")
      assert.strictEqual(yield* pool.ask("a", "Count", { word: "a" }), 0)
    }).pipe(Effect.scoped, Effect.provide(backend))
  )
})
