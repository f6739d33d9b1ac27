/** Deadlines that messages and requests bring along. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as WorkerPool from "../../src/pool/WorkerPool.ts"
import * as Supervision from "../../src/supervision/Supervision.ts"
import * as FiberWorkers from "../../src/worker/FiberWorkers.ts"
import { Batches, batches, Crowd, crowd, Ledger, ledger, world } from "./Ledger.ts"

const backend = FiberWorkers.layer([Ledger, ledger], [Crowd, crowd], [Batches, batches])
const restart = Supervision.restart(Schedule.spaced("1 millis"))
const retry = Supervision.retry(Schedule.max([Schedule.recurs(1), Schedule.spaced("1 millis")]))

const contracts = [
  ["one at a time", Ledger],
  ["several keys at once", Crowd],
  ["in batches", Batches]
] as const

describe("a deadline of its own", () => {
  for (const [how, contract] of contracts) {
    it.live(`is shorter than the pool's, also when it is tried again: ${how}`, () =>
      Effect.gen(function* () {
        world.reset()
        const pool = yield* WorkerPool.make(contract as typeof Ledger, {
          size: 1,
          supervision: restart.pipe(Supervision.and(retry), Supervision.and(Supervision.deadline("1 hour")))
        })
        yield* pool.sendAll([
          { key: "a", id: 0 },
          { key: "b", id: 0 }
        ])
        yield* pool.send({ key: "a", id: 1, act: "hang" }, { deadline: "20 millis" })
        yield* pool.send({ key: "a", id: 2 })
        const [letter] = yield* Stream.runCollect(Stream.take(pool.deadLetters, 1))
        assert.include(Cause.pretty(letter.cause), "took longer than 20 ms")
        assert.strictEqual(letter.attempts, 2)
        assert.deepStrictEqual(yield* pool.ask("a", "Account", { key: "a" }), {
          key: "a",
          count: 2,
          last: 2,
          disorders: 0
        })
        assert.strictEqual((yield* pool.supervised).Overdue, 0)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )

    it.live(`is longer than the pool's, and that of no other message: ${how}`, () =>
      Effect.gen(function* () {
        world.reset()
        const pool = yield* WorkerPool.make(contract as typeof Ledger, {
          size: 1,
          supervision: restart.pipe(Supervision.and(Supervision.deadline("40 millis", { grace: "1 hour" })))
        })
        yield* pool.send({ key: "a", id: 0, act: "patient" }, { deadline: "1 hour" })
        yield* pool.send({ key: "b", id: 0, act: "hang" })
        yield* pool.send({ key: "c", id: 0, act: "patient" }, { deadline: "2 hours" })
        const [letter] = yield* Stream.runCollect(Stream.take(pool.deadLetters, 1))
        assert.deepStrictEqual(letter.message, { key: "b", id: 0, act: "hang" })
        assert.include(Cause.pretty(letter.cause), "took longer than 40 ms")
        // A batch of these keeps no account of what takes its time.
        const accounts = contract === Batches ? [] : ["a", "c"]
        for (const key of accounts) assert.strictEqual((yield* pool.ask(key, "Account", { key })).count, 1)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  }

  it.live("holds for a message that blocks, where it alone has one", () =>
    Effect.gen(function* () {
      world.reset()
      const pool = yield* WorkerPool.make(Ledger, {
        size: 1,
        supervision: restart.pipe(
          Supervision.and(Supervision.deadline(Infinity, { grace: "10 millis" })),
          Supervision.and(Supervision.poison(1))
        )
      })
      yield* pool.send({ key: "a", id: 0, act: "stubborn" })
      yield* pool.send({ key: "a", id: 1, act: "stubborn" }, { deadline: "20 millis" })
      const [letter] = yield* Stream.runCollect(Stream.take(pool.deadLetters, 1))
      assert.strictEqual(letter.message.id, 1)
      assert.strictEqual((yield* pool.supervised).Overdue, 1)
    }).pipe(Effect.scoped, Effect.provide(backend))
  )

  it.live("is that of a request, by its tag", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Ledger, {
        size: 1,
        supervision: restart.pipe(
          Supervision.and(Supervision.deadline("5 millis", { requests: { Wait: "80 millis" } }))
        )
      })
      yield* pool.ask("a", "Wait", { millis: 30 })
      const error = yield* Effect.flip(pool.ask("a", "Wait", { millis: 3_600_000 }))
      assert.strictEqual(error._tag, "WorkerPanicked")
      assert.include(error.message, "took longer than 80 ms")
    }).pipe(Effect.scoped, Effect.provide(backend))
  )

  it.live("goes along with its message to another worker", () =>
    Effect.gen(function* () {
      world.reset()
      const pool = yield* WorkerPool.make(Ledger, {
        size: 2,
        supervision: Supervision.failover.pipe(
          Supervision.and(Supervision.deadline("1 hour")),
          Supervision.and(Supervision.poison(1))
        )
      })
      const worker = yield* pool.worker("Ledger/0")
      yield* worker.pause
      yield* pool.sendTo("Ledger/0", { key: "a", id: 0, act: "hang" }, { deadline: "20 millis" })
      yield* worker.kill
      const [letter] = yield* Stream.runCollect(Stream.take(pool.deadLetters, 1))
      assert.strictEqual(letter.worker, "Ledger/1")
      assert.include(Cause.pretty(letter.cause), "took longer than 20 ms")
    }).pipe(Effect.scoped, Effect.provide(backend))
  )

  it.live("is refused where nobody would watch, and where it is none", () =>
    Effect.gen(function* () {
      const unwatched = yield* WorkerPool.make(Ledger, { size: 1, supervision: restart })
      const watched = yield* WorkerPool.make(Ledger, {
        size: 1,
        supervision: restart.pipe(Supervision.and(Supervision.deadline(Infinity)))
      })
      for (const [pool, deadline, says] of [
        [unwatched, "1 second", "Supervision.deadline"],
        [watched, 0, "longer than 0"],
        [watched, NaN, "longer than 0"]
      ] as const) {
        for (const sending of [
          pool.send({ key: "a", id: 0 }, { deadline }),
          pool.sendTo("Ledger/0", { key: "a", id: 0 }, { deadline }),
          pool.broadcast({ key: "a", id: 0 }, { deadline })
        ]) {
          const error = yield* Effect.flip(sending as Effect.Effect<void, { readonly _tag: string }>)
          assert.strictEqual(error._tag, "SendError")
          assert.include(String(error), says)
          assert.lengthOf((error as unknown as { readonly unsent: ReadonlyArray<unknown> }).unsent, 1)
        }
      }
    }).pipe(Effect.scoped, Effect.provide(backend))
  )
})
