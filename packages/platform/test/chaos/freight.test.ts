/**
 * What travels beside the ring is in the thread that sent it until somebody fetches it. A worker that
 * dies before must not take along what it has acknowledged the cause of.
 */
import * as Supervision from "@shared-nothing/core/Supervision"
import * as WorkerPool from "@shared-nothing/core/WorkerPool"
import * as Codec from "@shared-nothing/core/Codec"
import * as NodeWorkers from "@shared-nothing/platform/NodeWorkers"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { Freight } from "./Freight.ts"

const threads = NodeWorkers.layerThreads([Freight, new URL("./Freight.worker.ts", import.meta.url)])

const large = new Uint8Array(400_000).fill(7)
const small = new Uint8Array(1)

/** Nothing else of this thread runs meanwhile, and nobody fetches anything. */
const block = (millis: number): void => {
  const end = performance.now() + millis
  while (performance.now() < end) {}
}

const restart = Supervision.restart(Schedule.spaced("5 millis"))

const restarted = (pool: { readonly supervised: Effect.Effect<{ readonly Restarted: number }> }) =>
  Effect.repeat(pool.supervised, { until: ({ Restarted }) => Restarted > 0, schedule: Schedule.spaced("1 millis") })

describe("what is larger than a share of the ring, of a thread that is killed", () => {
  it.live(
    "an output",
    () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Freight, { size: 1, supervision: restart })
        const outputs = yield* Effect.forkChild(Stream.runCollect(Stream.take(pool.outputs, 2)))
        yield* pool.send({ key: "first", bytes: small })
        yield* pool.drained
        const worker = yield* pool.worker("Freight/0")
        const send = (message: typeof Freight.message.Type) => Effect.runFork(pool.send(message))
        send({ key: "a", emits: large.length, bytes: small })
        block(100)
        send({ key: "b", act: "busy", until: Date.now() + 300, bytes: small })
        block(30)
        // Its owner asks for the bytes now, and is not heard.
        yield* Effect.sleep("20 millis")
        yield* worker.kill
        yield* pool.send({ key: "c", emits: small.length, bytes: small })
        assert.deepStrictEqual(
          (yield* Fiber.join(outputs)).map(({ length }) => length),
          [large.length, small.length]
        )
        yield* restarted(pool)
      }).pipe(Effect.scoped, Effect.provide(threads)),
    20_000
  )

  it.live(
    "a dead letter",
    () =>
      Effect.gen(function* () {
        let refuse = () => {}
        const retry = Supervision.retry(Schedule.recurs(3), {
          while: () => {
            // Once the worker has been told to give it up, and not before it has.
            setImmediate(() => refuse())
            return false
          }
        })
        const pool = yield* WorkerPool.make(Freight, {
          size: 1,
          supervision: restart.pipe(Supervision.and(retry))
        })
        refuse = () => {
          block(60)
          Effect.runFork(pool.send({ key: "b", act: "busy", until: Date.now() + 300, bytes: small }))
          block(30)
          Effect.runFork(Effect.flatMap(pool.worker("Freight/0"), (worker) => worker.kill))
        }
        yield* pool.send({ key: "a", act: "fail", bytes: large })
        const [letter] = yield* Stream.runCollect(Stream.take(pool.deadLetters, 1))
        assert.deepStrictEqual(letter.message, { key: "a", act: "fail", bytes: large })
        yield* restarted(pool)
        yield* pool.send({ key: "c", bytes: small })
        assert.deepStrictEqual(yield* pool.ask("c", "Handled", undefined), ["b", "c"])
      }).pipe(Effect.scoped, Effect.provide(threads)),
    20_000
  )
})

describe("what a handler, or a death, makes unreadable", () => {
  const retry = restart.pipe(Supervision.and(Supervision.retry(Schedule.recurs(1))))

  for (const act of ["empty", "spoil"] as const) {
    it.live(
      `a message that was altered before it was given up is a letter without it: ${act}`,
      () =>
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make(Freight, { size: 1, supervision: retry })
          yield* pool.send({ key: "a", act, bytes: new Uint8Array(10) })
          yield* pool.send({ key: "a", bytes: small })
          const [{ attempts, cause, message }] = yield* Stream.runCollect(Stream.take(pool.deadLetters, 1))
          assert.deepStrictEqual([message, attempts], [undefined, 2])
          assert.include(Cause.pretty(cause), "panicked in handle")
          yield* pool.drained
          assert.deepStrictEqual(yield* pool.ask("a", "Handled", undefined), ["a"])
        }).pipe(Effect.scoped, Effect.provide(threads)),
      20_000
    )
  }
})

describe("moved bytes that a worker has not taken", () => {
  const moved = () => Codec.moved(new Uint8Array(10))

  it.live(
    "in requests: the successor of one that was killed answers",
    () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Freight, { size: 1, supervision: restart })
        const weigh = Effect.suspend(() => pool.ask("a", "Weigh", { bytes: moved() }))
        assert.strictEqual(yield* weigh, 10)
        yield* pool.send({ key: "a", act: "busy", until: Date.now() + 300, bytes: small })
        const asks = yield* Effect.forkChild(
          Effect.forEach([1, 2, 3, 4, 5], () => weigh, { concurrency: "unbounded" }),
          { startImmediately: true }
        )
        yield* Effect.flatMap(pool.worker("Freight/0"), (worker) => worker.kill)
        assert.deepStrictEqual(yield* Fiber.join(asks), [10, 10, 10, 10, 10])
        assert.strictEqual((yield* pool.supervised).Restarted, 1)
      }).pipe(Effect.scoped, Effect.provide(threads)),
    20_000
  )

  it.live(
    "in messages: the successor of one that was recycled handles them",
    () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Freight, { size: 1, supervision: restart })
        yield* pool.send({ key: "first", bytes: moved() })
        yield* pool.drained
        yield* pool.send({ key: "a", act: "busy", until: Date.now() + 200, bytes: small })
        const keys = ["b", "c", "d"]
        yield* pool.sendAll(keys.map((key) => ({ key, bytes: moved() })))
        yield* pool.recycle("Freight/0")
        yield* pool.drained
        const handled = yield* pool.ask("a", "Handled", undefined)
        // The first may have been handled by either.
        assert.deepStrictEqual(
          handled.filter((key) => key !== "a"),
          keys
        )
      }).pipe(Effect.scoped, Effect.provide(threads)),
    20_000
  )
})

it.live(
  "a large answer is fetched before something slow begins: others are answered meanwhile",
  () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Freight, {
        size: 2,
        supervision: restart.pipe(Supervision.and(Supervision.retry(Schedule.recurs(1))))
      })
      const worker = yield* pool.worker("Freight/0")
      yield* worker.pause
      // All three in one turn; the second is told of at once, and the first with it.
      const answer = yield* Effect.forkChild(pool.askTo("Freight/0", "Fetch", { length: 400_000 }), {
        startImmediately: true
      })
      yield* worker.send({ key: "a", act: "fail", bytes: small })
      const until = Date.now() + 2000
      yield* worker.send({ key: "b", act: "busy", until, bytes: small })
      yield* worker.resume
      assert.strictEqual((yield* Fiber.join(answer)).length, 400_000)
      yield* pool.askTo("Freight/1", "Handled", undefined)
      assert.isBelow(Date.now(), until - 500)
    }).pipe(Effect.scoped, Effect.provide(threads)),
  20_000
)
