import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Partitioner from "../../src/partition/Partitioner.ts"
import * as WorkerPool from "../../src/pool/WorkerPool.ts"
import * as Supervision from "../../src/supervision/Supervision.ts"
import * as FiberWorkers from "../../src/worker/FiberWorkers.ts"
import { Batches, batches, Crowd, crowd, Forgetful, forgetful, Ledger, ledger, world } from "./Ledger.ts"
import { entries, eventually, exactly, fresh, groupOf, soon } from "./support.ts"

const backend = FiberWorkers.layer([Ledger, ledger], [Crowd, crowd], [Batches, batches], [Forgetful, forgetful])
const circuit = (openMillis: number, retry: Parameters<typeof Supervision.retry>[0] = soon) =>
  Supervision.restart(soon, {
    intensity: { restarts: 1000, within: "10 seconds" },
    snapshots: { every: 16, within: "5 millis" }
  }).pipe(
    Supervision.and(Supervision.retry(retry)),
    Supervision.and(
      Supervision.circuitBreaker({
        per: "keyGroup",
        trip: CircuitBreaker.consecutive(3),
        openDuration: openMillis,
        whileOpen: "failover"
      })
    )
  )

const homeOf = ({ stats }: { readonly stats: Effect.Effect<ReadonlyArray<WorkerPool.WorkerStats>> }) =>
  Effect.map(stats, (all) => all.find(({ handled }) => handled > 0)!.worker)

const contracts = [
  ["one at a time", Ledger],
  ["several keys at once", Crowd],
  ["in batches", Batches]
] as const

describe("a key group whose circuit is open, with failover", () => {
  for (const [how, contract] of contracts) {
    it.live(`is with another worker, with its state and all that waited, and comes back to be tried: ${how}`, () =>
      fresh(
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make(contract as typeof Ledger, { size: 3, supervision: circuit(150) })
          // State to be moved, and what shows whose the key is.
          yield* pool.send({ key: "a", id: 0 })
          yield* pool.drained
          const home = yield* homeOf(pool)
          yield* pool.sendAll([{ key: "a", id: 1, act: "throw", here: true }, ...entries(["a"], 2, 20)])
          const asked = yield* Effect.forkChild(pool.ask("a", "Account", { key: "a" }))
          yield* eventually(pool, ({ FailedOver }) => FailedOver === 1)
          yield* pool.sendAll(entries(["a"], 20, 30))
          assert.include([20, 30], (yield* Fiber.join(asked)).count)
          assert.deepStrictEqual(yield* pool.ask("a", "Account", { key: "a" }), exactly("a", 30))
          const described = yield* pool.describe
          assert.include(described, `circuit of ${home}, key group ${groupOf("a")}: open`)
          assert.match(described, /meanwhile with \w+\/\d/)
          assert.isTrue((yield* pool.stats).filter(({ handled }) => handled > 0).length === 2)
          yield* eventually(pool, ({ FailedBack }) => FailedBack === 1)
          yield* pool.sendAll(entries(["a"], 30, 40))
          assert.deepStrictEqual(yield* pool.ask("a", "Account", { key: "a" }), exactly("a", 40))
          yield* eventually(pool, ({ CircuitClosed }) => CircuitClosed === 1)
          assert.notInclude(yield* pool.describe, `circuit of ${home}`)
          const counts = yield* pool.supervised
          assert.deepStrictEqual([counts.Failed, counts.CircuitOpened, counts.DeadLettered], [0, 1, 0])
          yield* pool.drained
        }).pipe(Effect.scoped, Effect.provide(backend))
      )
    )
  }

  it.live("opens again if what comes first fails at home, and other groups are not disturbed", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, { size: 2, supervision: circuit(60) })
        yield* pool.send({ key: "a", id: 0 })
        yield* pool.drained
        yield* pool.send({ key: "a", id: 1, act: "throw", here: true })
        yield* eventually(pool, ({ FailedOver }) => FailedOver === 1)
        assert.strictEqual((yield* pool.ask("a", "Account", { key: "a" })).count, 2)
        yield* eventually(pool, ({ FailedBack }) => FailedBack === 1)
        yield* pool.sendAll([{ key: "a", id: 2, act: "throw", here: true }, ...entries(["a", "b"], 3, 13)])
        yield* eventually(pool, ({ FailedOver }) => FailedOver === 2)
        assert.deepStrictEqual(yield* pool.ask("a", "Account", { key: "a" }), exactly("a", 13))
        assert.strictEqual((yield* pool.ask("b", "Account", { key: "b" })).count, 10)
        const counts = yield* pool.supervised
        assert.deepStrictEqual([counts.CircuitOpened, counts.CircuitHalfOpened], [2, 1])
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("goes on to a third worker if the second fails of it, and waits where everybody does", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, { size: 3, supervision: circuit(400) })
        yield* pool.sendAll([{ key: "a", id: 0, act: "throw" }, ...entries(["a"], 1, 10)])
        yield* eventually(pool, ({ CircuitOpened }) => CircuitOpened === 3)
        yield* eventually(pool, ({ FailedOver }) => FailedOver === 2)
        const tries = world.tries.get("a/0")!
        assert.isAtLeast(tries, 9)
        assert.isFalse(world.tries.has("a/1"))
        world.allowed.add("a/0")
        assert.deepStrictEqual(yield* pool.ask("a", "Account", { key: "a" }), exactly("a", 10))
        yield* eventually(pool, ({ CircuitClosed }) => CircuitClosed >= 1)
        yield* pool.drained
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("the tries of a message go on counting where it goes", () =>
    fresh(
      Effect.gen(function* () {
        const retry = Schedule.max([soon, Schedule.recurs(7)])
        const pool = yield* WorkerPool.make(Ledger, { size: 4, supervision: circuit(10_000, retry) })
        yield* pool.sendAll([{ key: "a", id: 0, act: "throw" }, ...entries(["a"], 1, 5)])
        const [letter] = yield* Stream.runCollect(Stream.take(pool.deadLetters, 1))
        assert.deepStrictEqual([letter.attempts, world.tries.get("a/0")], [8, 8])
        assert.deepStrictEqual(yield* pool.ask("a", "Account", { key: "a" }), { ...exactly("a", 5), count: 4 })
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("a pool of one has nobody to go to: it waits", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, { size: 1, supervision: circuit(60) })
        yield* pool.sendAll([{ key: "a", id: 0, act: "throw" }, ...entries(["a"], 1, 10)])
        yield* eventually(pool, ({ CircuitOpened }) => CircuitOpened === 1)
        assert.isFalse(world.tries.has("a/1"))
        world.allowed.add("a/0")
        assert.deepStrictEqual(yield* pool.ask("a", "Account", { key: "a" }), exactly("a", 10))
        assert.strictEqual((yield* pool.supervised).FailedOver, 0)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("several groups go at once, each for itself, while another waits", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, { size: 3, supervision: circuit(100) })
        const keys = Array.from({ length: 12 }, (_, i) => `key-${i}`)
        yield* pool.sendAll(entries(keys, 0, 1))
        yield* pool.drained
        const failing = keys.map((key) => ({ key, id: 1, act: "throw" as const }))
        yield* pool.sendAll([...failing, ...entries(keys, 2, 30)])
        yield* eventually(pool, ({ FailedOver }) => FailedOver >= 6)
        for (const key of keys) world.allowed.add(`${key}/1`)
        yield* pool.sendAll(entries(keys, 30, 40))
        for (const key of keys) {
          assert.deepStrictEqual(yield* pool.ask(key, "Account", { key }), exactly(key, 40))
        }
        yield* pool.drained
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("what clients in other threads send keeps its order, too", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, { size: 3, supervision: circuit(50) })
        const client = yield* WorkerPool.connect(Ledger, pool.handle)
        yield* client.send({ key: "a", id: 0, act: "throw" })
        for (let id = 1; id < 400; id++) {
          yield* client.send({ key: "a", id })
          if (id === 300) world.allowed.add("a/0")
          if (id % 10 === 0) yield* Effect.sleep(1)
        }
        yield* Effect.repeat(pool.ask("a", "Account", { key: "a" }), {
          until: ({ count }) => count === 400,
          schedule: soon
        })
        assert.deepStrictEqual(yield* pool.ask("a", "Account", { key: "a" }), exactly("a", 400))
        assert.isAtLeast((yield* pool.supervised).FailedOver, 1)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  for (const victim of ["the worker whose it is", "the worker that has it", "both"] as const) {
    it.live(`survives kills of ${victim}`, () =>
      fresh(
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make(Ledger, { size: 2, supervision: circuit(40) })
          yield* pool.send({ key: "a", id: 0 })
          yield* pool.drained
          const home = yield* homeOf(pool)
          const other = pool.workerIds.find((id) => id !== home)!
          const victims = victim === "both" ? [home, other] : victim === "the worker that has it" ? [other] : [home]
          for (let round = 0; round < 20; round++) {
            const first = 1 + 20 * round
            yield* pool.sendAll([
              { key: "a", id: first, act: "throw", here: true },
              ...entries(["a"], first + 1, first + 20)
            ])
            for (const id of victims) {
              yield* Effect.sleep(Math.random() * 20)
              yield* Effect.ignore(Effect.flatMap(pool.worker(id), (worker) => worker.kill))
            }
            if (round % 5 === 4) {
              assert.deepStrictEqual(yield* pool.ask("a", "Account", { key: "a" }), exactly("a", first + 20))
            }
          }
          const counts = yield* pool.supervised
          assert.isAtLeast(counts.Restarted, 10)
          assert.isAtLeast(counts.FailedOver, 5)
          assert.strictEqual(counts.DeadLettered, 0)
        }).pipe(Effect.scoped, Effect.provide(backend))
      )
    )
  }

  it.live("a change of size takes it along, and home", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, {
          size: 2,
          maxSize: 4,
          partitioner: Partitioner.consistentHash(),
          supervision: circuit(300)
        })
        const keys = Array.from({ length: 40 }, (_, i) => `key-${i}`)
        yield* pool.sendAll(entries(keys, 0, 1))
        yield* pool.drained
        yield* pool.sendAll(keys.slice(0, 8).map((key) => ({ key, id: 1, act: "throw" as const })))
        yield* eventually(pool, ({ FailedOver }) => FailedOver === 8)
        for (const key of keys) world.allowed.add(`${key}/1`)
        yield* pool.resize(4)
        yield* pool.sendAll(entries(keys, 2, 10))
        yield* pool.resize(1)
        yield* pool.resize(3)
        yield* pool.sendAll(entries(keys, 10, 20))
        for (const [place, key] of keys.entries()) {
          const account = yield* pool.ask(key, "Account", { key })
          assert.deepStrictEqual(account, { ...exactly(key, 20), count: place < 8 ? 20 : 19 })
        }
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("closing the pool on the way loses nothing", () =>
    fresh(
      Effect.gen(function* () {
        for (let round = 0; round < 40; round++) {
          world.reset()
          const scope = yield* Scope.make()
          const retry = Schedule.max([soon, Schedule.recurs(40)])
          const pool = yield* Scope.provide(
            WorkerPool.make(Forgetful, { size: 3, supervision: circuit(5 + Math.random() * 20, retry) }),
            scope
          )
          const sent = entries(["a", "b"], 1, 40)
          yield* pool.sendAll([{ key: "a", id: 0, act: "throw" }, { key: "b", id: 0, act: "throw" }, ...sent])
          yield* Effect.sleep(Math.random() * 40)
          if (round % 2 === 0) world.allowed.add("a/0")
          const letters = yield* Effect.forkChild(Stream.runCollect(pool.deadLetters))
          yield* Scope.close(scope, Exit.void)
          const dead = new Set((yield* Fiber.join(letters)).map(({ message }) => `${message.key}/${message.id}`))
          const handled = sent.filter(({ id, key }) => world.tries.has(`${key}/${id}`)).length
          const lost = sent.filter(({ id, key }) => !world.tries.has(`${key}/${id}`) && !dead.has(`${key}/${id}`))
          assert.deepStrictEqual(lost, [], `round ${round}: ${handled} handled, ${dead.size} dead letters`)
        }
      }).pipe(Effect.provide(backend))
    )
  )

  it.live("needs keys that are placed by their hash", () =>
    Effect.gen(function* () {
      const partitioner = Partitioner.roundRobin()
      const error = yield* Effect.flip(WorkerPool.make(Ledger, { size: 2, partitioner, supervision: circuit(50) }))
      assert.include(error.message, "circuitBreaker.whileOpen")
      assert.include(error.message, "roundRobin")
    }).pipe(Effect.scoped, Effect.provide(backend))
  )
})
