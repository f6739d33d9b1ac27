/** What becomes of the work of a worker that is given up, or that is let go of while it changes. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Partitioner from "../../src/partition/Partitioner.ts"
import * as WorkerPool from "../../src/pool/WorkerPool.ts"
import * as Supervision from "../../src/supervision/Supervision.ts"
import * as FiberWorkers from "../../src/worker/FiberWorkers.ts"
import { Forgetful, forgetful, Ledger, ledger, world } from "./Ledger.ts"
import { entries, eventually, exactly, fresh, soon } from "./support.ts"

const backend = FiberWorkers.layer([Ledger, ledger], [Forgetful, forgetful])
const snapshots = { every: 16, within: "5 millis" } as const
const intensity = { restarts: 1000, within: "10 seconds" } as const
const givenUp = Supervision.restart(Schedule.recurs(0), { snapshots }).pipe(Supervision.orElse(Supervision.failover))

describe("a worker that is given up", () => {
  for (const [name, partitioner, size] of [
    ["hash", Partitioner.hash(), 4],
    ["consistentHash", Partitioner.consistentHash(), 8],
    ["leastLoaded", Partitioner.leastLoaded(), 4]
  ] as const) {
    it.live(`whichever it is, the others have its key groups, and keep theirs: ${name}`, () =>
      fresh(
        Effect.gen(function* () {
          for (let victim = 0; victim < size; victim++) {
            yield* Effect.scoped(
              Effect.gen(function* () {
                const failback = Supervision.failback(Schedule.spaced("20 millis"))
                const supervision = givenUp.pipe(Supervision.and(failback))
                const pool = yield* WorkerPool.make(Ledger, { size, supervision, partitioner })
                yield* pool.sendAll(entries(10, 0, 10))
                yield* pool.drained
                yield* Effect.flatMap(pool.worker(`Ledger/${victim}`), (worker) => worker.kill)
                yield* Effect.raceFirst(
                  pool.escalated,
                  eventually(pool, ({ FailedOver }) => FailedOver === 1)
                )
                yield* pool.sendAll(entries(10, 10, 20))
                yield* eventually(pool, ({ FailedBack }) => FailedBack === 1)
                yield* pool.sendAll(entries(10, 20, 30))
                for (let i = 0; i < 10; i++) {
                  const key = `key-${i}`
                  assert.deepStrictEqual(yield* pool.ask(key, "Account", { key }), exactly(key, 30))
                }
              })
            )
          }
        }).pipe(Effect.provide(backend))
      )
    )
  }

  it.live("has state that others cannot tell apart by ranges of keys: its pool escalates, and keeps its size", () =>
    fresh(
      Effect.gen(function* () {
        const partitioner = Partitioner.range<string | number | bigint>({
          order: (a, b) => (a < b ? -1 : a > b ? 1 : 0),
          boundaries: ["key-2", "key-4", "key-7"]
        })
        const pool = yield* WorkerPool.make(Ledger, { size: 3, supervision: givenUp, partitioner })
        const error = yield* Effect.flip(pool.resize(4))
        assert.strictEqual(error._tag, "InvalidConfig")
        assert.include(error.message, "not range")
        yield* Effect.flatMap(pool.worker("Ledger/1"), (worker) => worker.kill)
        yield* Effect.flip(pool.escalated)
        const other = yield* WorkerPool.make(Forgetful, { size: 3, supervision: givenUp, partitioner })
        yield* other.resize(4)
        yield* Effect.flatMap(other.worker("Forgetful/1"), (worker) => worker.kill)
        yield* eventually(other, ({ FailedOver }) => FailedOver === 1)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("two at once: a third has the work of both", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, { size: 3, supervision: givenUp })
        yield* pool.sendAll(entries(30, 0, 10))
        yield* pool.drained
        const kills = ["Ledger/0", "Ledger/2"].map((id) => Effect.flatMap(pool.worker(id), (worker) => worker.kill))
        yield* Effect.all(kills, { concurrency: "unbounded" })
        yield* Effect.raceFirst(
          pool.escalated,
          eventually(pool, ({ FailedOver }) => FailedOver === 2)
        )
        assert.deepStrictEqual(pool.workerIds, ["Ledger/1"])
        yield* pool.sendAll(entries(30, 10, 20))
        for (let i = 0; i < 30; i++) {
          const key = `key-${i}`
          assert.deepStrictEqual(yield* pool.ask(key, "Account", { key }), exactly(key, 20))
        }
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("its work goes to one whose mailbox is full, and that is given up itself", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, {
          size: 3,
          capacity: 16,
          partitioner: Partitioner.consistentHash(),
          supervision: givenUp
        })
        for (const [i, id] of pool.workerIds.entries()) {
          yield* pool.sendTo(id, { key: `held-${i}`, id: 0, act: i < 2 ? "hang" : "patient" })
        }
        const sending = yield* Effect.forkChild(pool.sendAll(entries(60, 0, 5)))
        yield* Effect.repeat(pool.stats, { until: (all) => all.every(({ depth }) => depth === 16), schedule: soon })
        for (let i = 0; i < 3; i++) world.allowed.add(`held-${i}/0`)
        for (const id of ["Ledger/1", "Ledger/0"]) {
          yield* Effect.flatMap(pool.worker(id), (worker) => worker.kill)
        }
        yield* eventually(pool, ({ FailedOver }) => FailedOver === 2)
        yield* Fiber.join(sending)
        for (let i = 0; i < 60; i++) {
          const key = `key-${i}`
          assert.deepStrictEqual(yield* pool.ask(key, "Account", { key }), exactly(key, 5))
        }
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("a message that kills whoever has it is a dead letter after so many in all", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Forgetful, { size: 5, supervision: Supervision.failover })
        yield* pool.send({ key: "a", id: 0, act: "throw" })
        const letters = Stream.runCollect(Stream.take(pool.deadLetters, 1))
        const [letter] = yield* Effect.raceFirst(letters, pool.escalated)
        assert.deepStrictEqual([letter.attempts, world.tries.get("a/0"), pool.size], [3, 3, 2])
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("messages keep their priority, and so their order", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, { size: 3, priorities: 2, supervision: givenUp })
        yield* pool.sendTo("Ledger/0", { key: "held", id: 0, act: "patient" })
        yield* pool.sendTo("Ledger/1", { key: "held", id: 0, act: "patient" })
        yield* pool.sendTo("Ledger/2", { key: "held", id: 0, act: "patient" })
        const urgent = { priority: 1 }
        yield* pool.sendAll(entries(10, 0, 50))
        yield* pool.sendAll(entries(10, 50, 100), urgent)
        yield* Effect.flatMap(pool.worker("Ledger/1"), (worker) => worker.kill)
        yield* eventually(pool, ({ FailedOver }) => FailedOver === 1)
        yield* pool.sendAll(entries(10, 100, 150), urgent)
        for (let i = 0; i < 10; i++) {
          const key = `key-${i}`
          // The urgent ones in order, then the others: one step back in all.
          assert.deepStrictEqual(yield* pool.ask(key, "Account", { key }), { key, count: 150, last: 49, disorders: 1 })
        }
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("what is kept beside a full mailbox is a dead letter, too, when the pool closes", () =>
    fresh(
      Effect.gen(function* () {
        const letters = yield* Effect.scoped(
          Effect.gen(function* () {
            const pool = yield* WorkerPool.make(Forgetful, { size: 1, capacity: 4, onFull: "dropOldest" })
            yield* pool.send({ key: "a", id: 0, act: "hang" })
            yield* Effect.repeat(pool.stats, { until: ([{ depth }]) => depth === 1, schedule: soon })
            yield* pool.sendAll(entries(1, 1, 8))
            yield* Effect.flatMap(pool.worker("Forgetful/0"), (worker) => worker.kill)
            return pool.deadLetters
          })
        )
        const ids = (yield* Stream.runCollect(letters)).map(({ message }) => message.id)
        assert.deepStrictEqual(ids, [0, 1, 2, 3, 4, 5, 6, 7])
      }).pipe(Effect.provide(backend))
    )
  )
})

describe("a worker between two lives", () => {
  it.live("is not shut by what its predecessor was told of its circuit", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, {
          size: 1,
          supervision: Supervision.restart(soon, { intensity, snapshots: { every: 1024, within: "200 millis" } }).pipe(
            Supervision.and(Supervision.retry(soon)),
            Supervision.and(
              Supervision.circuitBreaker({ trip: CircuitBreaker.consecutive(2), openDuration: "50 millis" })
            )
          )
        })
        yield* pool.send({ key: "a", id: 0, act: "fail" })
        yield* eventually(pool, ({ CircuitOpened }) => CircuitOpened === 1)
        world.allowed.add("a/0")
        yield* Effect.flatMap(pool.worker("Ledger/0"), (worker) => worker.kill)
        assert.strictEqual((yield* pool.ask("a", "Account", { key: "a" })).count, 1)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("closes the circuit that was open when it began", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Forgetful, {
          size: 1,
          supervision: Supervision.restart(soon).pipe(
            Supervision.and(
              Supervision.circuitBreaker({ trip: CircuitBreaker.consecutive(1), openDuration: "100 millis" })
            )
          )
        })
        const worker = yield* pool.worker("Forgetful/0")
        yield* worker.kill
        yield* eventually(pool, ({ CircuitOpened }) => CircuitOpened === 1)
        yield* worker.start
        yield* pool.sendAll(entries(1, 0, 10))
        yield* eventually(pool, ({ CircuitClosed }) => CircuitClosed === 1)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("that is recycled while its pool closes handles what it was sent", () =>
    fresh(
      Effect.gen(function* () {
        for (let round = 0; round < 50; round++) {
          const letters = yield* Effect.scoped(
            Effect.gen(function* () {
              const supervision = Supervision.restart(soon, { snapshots })
              const pool = yield* WorkerPool.make(Ledger, { size: 1, supervision })
              yield* Effect.forkChild(Effect.ignore(pool.recycle("Ledger/0")))
              yield* pool.sendAll(entries(1, 0, 200))
              for (let turns = round % 12; turns > 0; turns--) yield* Effect.yieldNow
              return pool.deadLetters
            })
          )
          assert.deepStrictEqual(yield* Stream.runCollect(letters), [])
        }
      }).pipe(Effect.provide(backend))
    )
  )
})
