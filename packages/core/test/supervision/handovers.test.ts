import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as Schedule from "effect/Schedule"
import * as WorkerPool from "../../src/pool/WorkerPool.ts"
import * as Supervision from "../../src/supervision/Supervision.ts"
import * as FiberWorkers from "../../src/worker/FiberWorkers.ts"
import { Crowd, crowd, Forgetful, forgetful, Ledger, ledger, world } from "./Ledger.ts"
import { entries, eventually, exactly, fresh, groupOf, soon } from "./support.ts"

const backend = FiberWorkers.layer([Ledger, ledger], [Crowd, crowd], [Forgetful, forgetful])
const circuit = (
  openMillis: number,
  {
    failures = 3,
    retry = soon,
    snapshots = { every: 16, within: "5 millis" },
    whileOpen = "failover"
  }: {
    readonly failures?: number
    readonly retry?: Parameters<typeof Supervision.retry>[0]
    readonly snapshots?: { readonly every: number; readonly within: "5 millis" | "1 minute" }
    readonly whileOpen?: "wait" | "failover"
  } = {}
) =>
  Supervision.restart(soon, {
    intensity: { restarts: 1000, within: "10 seconds" },
    snapshots
  }).pipe(
    Supervision.and(Supervision.retry(retry)),
    Supervision.and(
      Supervision.circuitBreaker({
        per: "keyGroup",
        trip: CircuitBreaker.consecutive(failures),
        openDuration: openMillis,
        whileOpen
      })
    )
  )

const homeOf = ({ stats }: { readonly stats: Effect.Effect<ReadonlyArray<WorkerPool.WorkerStats>> }) =>
  Effect.map(stats, (all) => all.find(({ handled }) => handled > 0)!.worker)

/** Keys of the first worker and of the second, of two. */
const keysOfTwo = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Forgetful, { size: 2 })
  const keys = Array.from({ length: 40 }, (_, i) => `key-${i}`)
  const homes = yield* Effect.forEach(keys, (key) =>
    Effect.gen(function* () {
      const before = yield* pool.stats
      yield* pool.send({ key, id: 0 })
      yield* pool.drained
      const after = yield* pool.stats
      return after.findIndex(({ handled }, place) => handled > before[place].handled)
    })
  )
  return [keys[homes.indexOf(0)], keys[homes.indexOf(1)]]
}).pipe(Effect.scoped, Effect.provide(backend))

const contracts = [
  ["one at a time", Ledger],
  ["several keys at once", Crowd]
] as const

describe("a key group that is handed over", () => {
  it.live("does not wait for others of its worker that fail, several keys at once", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Crowd, { size: 2, supervision: circuit(100) })
        const keys = Array.from({ length: 12 }, (_, i) => `key-${i}`)
        yield* pool.sendAll(entries(keys, 0, 1))
        yield* pool.drained
        yield* pool.sendAll(keys.map((key) => ({ key, id: 1, act: "throw" as const, here: true })))
        yield* pool.sendAll(entries(keys, 2, 20))
        for (const key of keys) assert.deepStrictEqual(yield* pool.ask(key, "Account", { key }), exactly(key, 20))
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("goes together with others that are to leave its worker, there and back", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, { size: 3, supervision: circuit(150) })
        const all = Array.from({ length: 120 }, (_, i) => `key-${i}`)
        const keys = [...new Map(all.map((key) => [groupOf(key), key])).values()]
        yield* pool.sendAll(keys.map((key) => ({ key, id: 0, act: "throw" as const, here: true })))
        yield* pool.sendAll(entries(keys, 1, 10))
        yield* eventually(pool, ({ FailedOver }) => FailedOver === keys.length)
        for (const key of keys) assert.deepStrictEqual(yield* pool.ask(key, "Account", { key }), exactly(key, 10))
        yield* eventually(pool, ({ FailedBack }) => FailedBack === keys.length)
        for (const key of keys) assert.deepStrictEqual(yield* pool.ask(key, "Account", { key }), exactly(key, 10))
        assert.isBelow(world.departures, keys.length)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  for (const [how, contract] of contracts) {
    it.live(`arrives with what its worker did and did not live to save, ${how}`, () =>
      fresh(
        Effect.gen(function* () {
          const supervision = circuit(150, { snapshots: { every: 500, within: "1 minute" } })
          const pool = yield* WorkerPool.make(contract, { size: 2, supervision })
          world.unsaved = 1
          // Not as many as are saved at once.
          yield* pool.sendAll(entries(["a"], 0, 10))
          yield* pool.send({ key: "a", id: 10, act: "throw", here: true })
          yield* pool.sendAll(entries(["a"], 11, 14))
          yield* eventually(pool, ({ FailedOver }) => FailedOver === 1)
          assert.strictEqual(world.unsaved, 0)
          assert.deepStrictEqual(yield* pool.ask("a", "Account", { key: "a" }), exactly("a", 14))
          yield* eventually(pool, ({ FailedBack }) => FailedBack === 1)
          assert.deepStrictEqual(yield* pool.ask("a", "Account", { key: "a" }), exactly("a", 14))
        }).pipe(Effect.scoped, Effect.provide(backend))
      )
    )
  }

  it.live("may have more waiting than replies have room for", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Forgetful, { size: 2, capacity: 16_384, supervision: circuit(10_000) })
        yield* pool.send({ key: "a", id: 0, act: "throw", here: true })
        yield* pool.sendAll(entries(["a"], 1, 6000))
        yield* Effect.repeat(pool.ask("a", "Account", { key: "a" }), {
          until: ({ count }) => count === 6000,
          schedule: soon
        })
        assert.deepStrictEqual(yield* pool.ask("a", "Account", { key: "a" }), exactly("a", 6000))
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("leaves a worker whose mailbox is fuller than its capacity, and others wait for nobody", () =>
    fresh(
      Effect.gen(function* () {
        const capacity = 16
        const supervision = circuit(60_000, { retry: Schedule.spaced("50 millis") })
        const pool = yield* WorkerPool.make(Ledger, { size: 2, capacity, supervision })
        const [here, there] = yield* keysOfTwo
        // What a client sends takes another lane than what is moved.
        const client = yield* WorkerPool.connect(Ledger, pool.handle)
        yield* client.send({ key: here, id: 0, act: "throw", here: true })
        yield* client.sendAll(entries([here], 1, capacity))
        yield* eventually(pool, ({ Retrying }) => Retrying === 2)
        yield* pool.send({ key: there, id: 0, act: "throw", here: true })
        yield* pool.sendAll(entries([there], 1, capacity))
        yield* Effect.repeat(pool.stats, { until: (all) => all.some(({ depth }) => depth > capacity), schedule: soon })
        yield* client.sendAll(entries([here], capacity, 3 * capacity))
        yield* eventually(pool, ({ FailedOver }) => FailedOver === 2)
        yield* Effect.repeat(pool.ask(here, "Account", { key: here }), {
          until: ({ count }) => count === 3 * capacity,
          schedule: soon
        })
        assert.deepStrictEqual(yield* pool.ask(here, "Account", { key: here }), exactly(here, 3 * capacity))
        assert.deepStrictEqual(yield* pool.ask(there, "Account", { key: there }), exactly(there, capacity))
        yield* pool.drained
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("keeps its order when whoever has it dies: what was moved goes before what others sent since", () =>
    fresh(
      Effect.gen(function* () {
        const snapshots = { every: 100_000, within: "1 minute" } as const
        const supervision = circuit(60_000, { snapshots })
        const pool = yield* WorkerPool.make(Ledger, { size: 2, capacity: 8192, supervision })
        const [here] = yield* keysOfTwo
        const client = yield* WorkerPool.connect(Ledger, pool.handle)
        // More than one lane may give before the next has its turn.
        yield* client.send({ key: here, id: 0, act: "throw", here: true })
        yield* client.sendAll(entries([here], 1, 600))
        yield* eventually(pool, ({ FailedOver }) => FailedOver === 1)
        yield* client.sendAll(entries([here], 600, 1200))
        const account = Effect.repeat(pool.ask(here, "Account", { key: here }), {
          until: ({ count }) => count === 1200,
          schedule: soon
        })
        assert.deepStrictEqual(yield* account, exactly(here, 1200))
        yield* Effect.flatMap(pool.worker("Ledger/1"), (worker) => worker.kill)
        yield* eventually(pool, ({ Restarted }) => Restarted === 1)
        assert.deepStrictEqual(yield* account, exactly(here, 1200))
        // Nothing was saved in between.
        assert.isAtLeast(world.tries.get(`${here}/1199`)!, 2)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("stays where it is while its own worker is stopped, and comes home when that is back", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Forgetful, { size: 2, supervision: circuit(30) })
        yield* pool.send({ key: "a", id: 0 })
        yield* pool.drained
        const home = yield* pool.worker(yield* homeOf(pool))
        yield* pool.send({ key: "a", id: 1, act: "throw", here: true })
        yield* eventually(pool, ({ FailedOver }) => FailedOver === 1)
        yield* home.stop
        for (let id = 2; id < 40; id++) {
          yield* pool.send({ key: "a", id })
          yield* Effect.sleep(2)
        }
        yield* pool.ask("a", "Account", { key: "a" })
        assert.strictEqual(world.tries.get("a/39"), 1)
        assert.strictEqual((yield* pool.supervised).FailedBack, 0)
        yield* home.start
        yield* eventually(pool, ({ FailedBack }) => FailedBack === 1)
        yield* pool.send({ key: "a", id: 40 })
        yield* eventually(pool, ({ CircuitClosed }) => CircuitClosed === 1)
        assert.strictEqual((yield* pool.supervised).DeadLettered, 0)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("does not make a change of size wait for a worker that is paused", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, { size: 2, supervision: circuit(30) })
        yield* pool.send({ key: "a", id: 0 })
        yield* pool.drained
        const home = yield* homeOf(pool)
        yield* pool.send({ key: "a", id: 1, act: "throw", here: true })
        yield* eventually(pool, ({ FailedOver }) => FailedOver === 1)
        const other = yield* pool.worker(pool.workerIds.find((id) => id !== home)!)
        yield* other.pause
        // Longer than the circuit is open.
        yield* Effect.sleep(60)
        yield* pool.resize(2)
        yield* other.resume
        yield* eventually(pool, ({ FailedBack }) => FailedBack === 1)
        assert.deepStrictEqual(yield* pool.ask("a", "Account", { key: "a" }), exactly("a", 2))
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("is not handed over again by a successor that reads what its predecessor was asked", () =>
    fresh(
      Effect.gen(function* () {
        const retry = Schedule.spaced("300 millis")
        const pool = yield* WorkerPool.make(Forgetful, { size: 2, supervision: circuit(40, { failures: 2, retry }) })
        yield* pool.send({ key: "a", id: 0 })
        yield* pool.drained
        const home = yield* homeOf(pool)
        yield* pool.send({ key: "a", id: 1, act: "throw", here: true })
        yield* Effect.sleep(250)
        // Waits for its next try meanwhile: nothing behind it is acknowledged.
        yield* pool.sendTo(home, { key: "b", id: 0, act: "throw" })
        yield* eventually(pool, ({ FailedOver }) => FailedOver === 1)
        yield* eventually(pool, ({ FailedBack }) => FailedBack === 1)
        yield* pool.send({ key: "a", id: 2 })
        yield* eventually(pool, ({ CircuitClosed }) => CircuitClosed === 1)
        world.allowed.add("b/0")
        yield* Effect.flatMap(pool.worker(home), (worker) => worker.kill)
        yield* pool.send({ key: "a", id: 3 })
        yield* Effect.repeat(
          Effect.sync(() => world.tries.has("a/3")),
          { until: (is) => is, schedule: soon }
        )
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )
})

describe("a request of a key group on trial", () => {
  for (const [how, contract] of contracts) {
    it.live(`is answered, and the next message tells: ${how}`, () =>
      fresh(
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make(contract as typeof Ledger, { size: 2, supervision: circuit(40) })
          yield* pool.sendAll([
            { key: "a", id: 0 },
            { key: "a", id: 1, act: "throw", here: true }
          ])
          yield* eventually(pool, ({ CircuitHalfOpened }) => CircuitHalfOpened === 1)
          yield* pool.ask("a", "Account", { key: "a" })
          yield* pool.sendAll(entries(["a"], 2, 10))
          assert.deepStrictEqual(yield* pool.ask("a", "Account", { key: "a" }), exactly("a", 10))
          yield* eventually(pool, ({ CircuitClosed }) => CircuitClosed === 1)
        }).pipe(Effect.scoped, Effect.provide(backend))
      )
    )

    it.live(`that was kept is answered, and the message behind it tells: ${how}`, () =>
      fresh(
        Effect.gen(function* () {
          const retry = Schedule.max([soon, Schedule.recurs(3)])
          const supervision = circuit(40, { retry, whileOpen: "wait" })
          const pool = yield* WorkerPool.make(contract as typeof Ledger, { size: 1, supervision })
          yield* pool.send({ key: "a", id: 0, act: "throw" })
          yield* eventually(pool, ({ CircuitOpened }) => CircuitOpened === 1)
          const asked = yield* Effect.forkChild(pool.ask("a", "Account", { key: "a" }), { startImmediately: true })
          yield* pool.sendAll(entries(["a"], 1, 10))
          yield* Fiber.join(asked)
          assert.strictEqual((yield* pool.ask("a", "Account", { key: "a" })).count, 9)
          yield* eventually(pool, ({ CircuitClosed }) => CircuitClosed === 1)
        }).pipe(Effect.scoped, Effect.provide(backend))
      )
    )
  }
})
