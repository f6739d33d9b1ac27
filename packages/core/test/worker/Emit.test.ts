import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as WorkerPool from "../../src/pool/WorkerPool.ts"
import * as FiberWorkers from "../../src/worker/FiberWorkers.ts"
import * as Worker from "../../src/worker/Worker.ts"

class Echo extends Worker.Service<Echo>()("Echo", {
  message: Schema.Int,
  output: Schema.Int,
  key: (n) => n
}) {}

class Mute extends Worker.Service<Mute>()("Mute", { message: Schema.Int, key: (n) => n }) {}

const panicOf = <A, E>(outputs: Stream.Stream<A, E>) => Effect.map(Effect.flip(Stream.runDrain(outputs)), Cause.fail)

describe("emitting", () => {
  const kept: Array<(n: number) => void> = []
  const late = Echo.toLayer({
    init: Effect.void,
    handle: (_, n, emit) => {
      kept.push(emit)
      kept[0](n)
    },
    concurrency: 2
  })

  it.live("once its handler is done is a panic, not an output of another message", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Echo, { size: 1 })
      yield* pool.sendAll([1, 2])
      assert.include(Cause.pretty(yield* panicOf(pool.outputs)), "emits when its handler is done")
    }).pipe(Effect.scoped, Effect.provide(FiberWorkers.layer([Echo, late])))
  )

  const flood = Echo.toLayer({
    init: Effect.void,
    handle: (_, n, emit) => {
      for (let i = 0; i < n; i++) emit(i)
    }
  })

  it.live("more at once than may wait is a panic that says how much that is", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Echo, { size: 1 })
      yield* pool.send(65_536)
      assert.strictEqual((yield* Stream.runCollect(Stream.take(pool.outputs, 65_536))).at(-1), 65_535)
      yield* pool.send(65_537)
      assert.include(Cause.pretty(yield* panicOf(pool.outputs)), "more than 65536 outputs at once")
    }).pipe(Effect.scoped, Effect.provide(FiberWorkers.layer([Echo, flood])))
  )

  const mute = Mute.toLayer({
    init: Effect.void,
    // What no type would allow.
    handle: (_, n, emit) => (emit as unknown as (n: number) => void)(n)
  })

  it.live("what the contract does not declare is a panic", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Mute, { size: 1 })
      yield* pool.send(1)
      const error = yield* Effect.flip(pool.drained)
      assert.strictEqual(error.worker, "Mute/0")
    }).pipe(Effect.scoped, Effect.provide(FiberWorkers.layer([Mute, mute])))
  )

  const echo = Echo.toLayer({ init: Effect.void, handle: (_, n, emit) => emit(n) })

  it.live("to two readers gives each output to one of them", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Echo, { size: 1 })
      const readers = yield* Effect.forEach([0, 1], () => Effect.forkChild(Stream.runCollect(pool.outputBatches)))
      const all = Array.from({ length: 5000 }, (_, n) => n)
      for (let at = 0; at < all.length; at += 100) {
        yield* pool.sendAll(all.slice(at, at + 100))
        yield* Effect.yieldNow
      }
      yield* pool.stopAll
      const batches = (yield* Effect.forEach(readers, Fiber.join)).flat()
      assert.deepStrictEqual(
        batches.flatMap(({ outputs }) => outputs).toSorted((a, b) => a - b),
        all
      )
      assert.isTrue(batches.every(({ worker }) => worker === "Echo/0"))
    }).pipe(Effect.scoped, Effect.provide(FiberWorkers.layer([Echo, echo])))
  )

  it.live("is seen in stats while nobody takes it", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Echo, { size: 1 })
      yield* pool.sendAll([1, 2, 3])
      yield* pool.drained
      assert.strictEqual((yield* pool.stats)[0].outputs, 3)
      assert.include(yield* pool.describe, "outputs 3")
      yield* Stream.runDrain(Stream.take(pool.outputs, 3))
      assert.strictEqual((yield* pool.stats)[0].outputs, 0)
    }).pipe(Effect.scoped, Effect.provide(FiberWorkers.layer([Echo, echo])))
  )
})
