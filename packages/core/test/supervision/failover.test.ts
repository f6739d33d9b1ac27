import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as WorkerPool from "../../src/pool/WorkerPool.ts"
import { WorkerPanicked } from "../../src/errors/Errors.ts"
import * as Supervision from "../../src/supervision/Supervision.ts"
import * as Supervisor from "../../src/supervision/Supervisor.ts"
import * as FiberWorkers from "../../src/worker/FiberWorkers.ts"
import { Ledger, ledger, world } from "./Ledger.ts"
import { entries, eventually, fresh, soon } from "./support.ts"

const backend = FiberWorkers.layer([Ledger, ledger])
const snapshots = { every: 16, within: "5 millis" } as const

describe("failover", () => {
  it.live("key groups of a worker that is given up go to the others, with state and mailbox, and come back", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, {
          size: 3,
          supervision: Supervision.restart(Schedule.recurs(0), { snapshots }).pipe(
            Supervision.orElse(Supervision.failover),
            Supervision.and(Supervision.failback(Schedule.spaced("150 millis")))
          )
        })
        yield* pool.sendAll(entries(30, 0, 10))
        yield* pool.drained
        const victim = yield* pool.worker("Ledger/1")
        yield* victim.kill
        yield* pool.sendAll(entries(30, 10, 20))
        // Asked while nobody is there: answered by whoever has the key then.
        for (let i = 0; i < 30; i++) {
          const key = `key-${i}`
          assert.strictEqual((yield* pool.ask(key, "Account", { key })).count, 20)
        }
        yield* eventually(pool, (counts) => counts.FailedOver === 1)
        assert.deepStrictEqual(pool.workerIds, ["Ledger/0", "Ledger/2"])
        yield* pool.sendAll(entries(30, 20, 30))
        for (let i = 0; i < 30; i++) {
          const key = `key-${i}`
          assert.deepStrictEqual(yield* pool.ask(key, "Account", { key }), { key, count: 30, last: 29, disorders: 0 })
        }
        yield* eventually(pool, (counts) => counts.FailedBack === 1)
        assert.strictEqual(pool.size, 3)
        yield* pool.sendAll(entries(30, 30, 40))
        for (let i = 0; i < 30; i++) {
          const key = `key-${i}`
          assert.deepStrictEqual(yield* pool.ask(key, "Account", { key }), { key, count: 40, last: 39, disorders: 0 })
        }
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("the last worker has nobody to fail over to: the pool escalates", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, { size: 1, supervision: Supervision.failover })
        yield* pool.send({ key: "a", id: 0, act: "throw" })
        const error = yield* Effect.flip(pool.escalated)
        assert.include(error.message, "told to by a/0")
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )
})

const breaker = (whileOpen: "wait" | "fail" | "failover") =>
  Supervision.restart(soon, { intensity: { restarts: 100, within: "10 seconds" }, snapshots }).pipe(
    Supervision.and(
      Supervision.circuitBreaker({ trip: CircuitBreaker.consecutive(3), openDuration: "100 millis", whileOpen })
    ),
    Supervision.and(Supervision.poison(1000))
  )

describe("a circuit breaker", () => {
  it.live("opens after so many failures in a row, probes, and closes; senders wait", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, { size: 1, supervision: breaker("wait") })
        yield* pool.send({ key: "a", id: 0, act: "throw" })
        yield* eventually(pool, (counts) => counts.CircuitOpened === 1)
        assert.strictEqual((yield* pool.supervised).Failed, 3)
        yield* eventually(pool, (counts) => counts.CircuitOpened === 2)
        assert.strictEqual((yield* pool.supervised).CircuitHalfOpened, 1)
        world.allowed.add("a/0")
        yield* pool.send({ key: "a", id: 1 })
        assert.strictEqual((yield* pool.ask("a", "Account", { key: "a" })).count, 2)
        yield* eventually(pool, (counts) => counts.CircuitClosed === 1)
        assert.strictEqual((yield* pool.supervised).Failed, 4)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("tells senders when the next probe is, if they choose so", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, { size: 1, supervision: breaker("fail") })
        yield* pool.send({ key: "a", id: 0, act: "throw" })
        yield* eventually(pool, (counts) => counts.CircuitOpened === 1)
        const refused = yield* Effect.flip(pool.send({ key: "a", id: 1 }))
        assert.strictEqual(refused._tag, "WorkerNotRunning")
        assert.match(refused.message, /the next probe is in \d+ ms/)
        assert.deepStrictEqual("unsent" in refused ? refused.unsent : [], [{ key: "a", id: 1 }])
        world.allowed.add("a/0")
        yield* eventually(pool, (counts) => counts.CircuitClosed === 1)
        yield* pool.send({ key: "a", id: 1 })
        assert.strictEqual((yield* pool.ask("a", "Account", { key: "a" })).count, 2)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("has others do the work while it is open", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, { size: 2, supervision: breaker("failover") })
        yield* pool.sendAll(entries(10, 0, 10))
        yield* pool.drained
        const worker = yield* pool.worker("Ledger/0")
        for (let i = 0; i < 3; i++) {
          yield* worker.kill
          if (i < 2) yield* eventually(pool, (counts) => counts.Restarted === i + 1)
        }
        yield* eventually(pool, (counts) => counts.FailedOver === 1)
        yield* pool.sendAll(entries(10, 10, 20))
        for (let i = 0; i < 10; i++) {
          const key = `key-${i}`
          assert.deepStrictEqual(yield* pool.ask(key, "Account", { key }), { key, count: 20, last: 19, disorders: 0 })
        }
        yield* eventually(pool, (counts) => counts.FailedBack === 1 && counts.CircuitClosed === 1)
        for (let i = 0; i < 10; i++) {
          const key = `key-${i}`
          assert.deepStrictEqual(yield* pool.ask(key, "Account", { key }), { key, count: 20, last: 19, disorders: 0 })
        }
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )
})

describe("strategies", () => {
  for (const [strategy, inits] of [
    ["oneForOne", 4],
    ["restForOne", 5],
    ["oneForAll", 6]
  ] as const) {
    it.live(`${strategy}: ${inits - 3} of three begin anew, and none loses a message`, () =>
      fresh(
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make(Ledger, {
            size: 3,
            supervision: Supervision.restart(soon, { strategy, snapshots })
          })
          yield* pool.sendAll(entries(30, 0, 10))
          yield* pool.drained
          yield* Effect.flatMap(pool.worker("Ledger/1"), (worker) => worker.kill)
          yield* pool.sendAll(entries(30, 10, 20))
          yield* eventually(pool, (counts) => counts.Restarted === 1)
          for (let i = 0; i < 30; i++) {
            const key = `key-${i}`
            assert.deepStrictEqual(yield* pool.ask(key, "Account", { key }), { key, count: 20, last: 19, disorders: 0 })
          }
          assert.strictEqual(world.inits, inits)
        }).pipe(Effect.scoped, Effect.provide(backend))
      )
    )
  }
})

describe("a supervisor of pools", () => {
  it.live("restarts a pool that escalated, and escalates in its turn", () =>
    fresh(
      Effect.gen(function* () {
        let lives = 0
        const program = Effect.gen(function* () {
          lives += 1
          const pool = yield* WorkerPool.make(Ledger, {
            size: 1,
            supervision: Supervision.restart(soon, { intensity: { restarts: 1, within: "10 seconds" } })
          })
          yield* pool.send({ key: "a", id: 0, act: "throw" })
          return yield* pool.escalated
        })
        const supervisor = yield* Supervisor.make(
          Supervision.restart(soon, { intensity: { restarts: 2, within: "10 seconds" } }),
          { doomed: program, idle: Effect.never, done: Effect.void }
        )
        const error = yield* Effect.flip(supervisor.escalated)
        assert.instanceOf(error, WorkerPanicked)
        assert.include(error.message, "told to by a/0")
        assert.strictEqual(lives, 3)
        const counts = yield* supervisor.counts
        assert.deepStrictEqual([counts.Failed, counts.Restarted, counts.Escalated], [3, 2, 1])
        assert.deepStrictEqual((yield* supervisor.describe).split("\n"), [
          "supervisor supervisor",
          "  doomed  given up",
          "  idle  ended",
          "  done  ended"
        ])
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("prints what stands under whom, for as long as it does", () =>
    fresh(
      Effect.gen(function* () {
        const inner = Effect.gen(function* () {
          const pool = yield* WorkerPool.make(Ledger, {
            size: 2,
            name: "orders",
            supervision: Supervision.restart(soon).pipe(
              Supervision.and(Supervision.recycleAfter(1000)),
              Supervision.and(Supervision.heapWatermark({ share: 0.8 }))
            )
          })
          yield* Supervisor.make(Supervision.escalate, { bills: Effect.never }, { name: "below" })
          return yield* Effect.raceFirst(pool.escalated, Effect.never)
        })
        const supervisor = yield* Supervisor.make(
          Supervision.restart(soon),
          { shop: inner, idle: Effect.void },
          { name: "above" }
        )
        const tree = yield* Effect.repeat(supervisor.describe, {
          until: (text) => text.includes("bills"),
          schedule: soon
        })
        const lines = tree.split("\n")
        assert.strictEqual(lines[0], "supervisor above")
        assert.strictEqual(lines[1], "  shop  running")
        assert.match(lines[2], /^ {4}pool orders: 2 workers \(fiber\)/)
        assert.include(tree, "recycled after 1000 messages; recycled at 80 % of the heap")
        assert.include(tree, "\n    supervisor below\n      bills  running\n  idle  ended")
        assert.strictEqual(lines.length, new Set(lines).size)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("nests", () =>
    Effect.gen(function* () {
      let failures = 0
      const inner = Effect.gen(function* () {
        const supervisor = yield* Supervisor.make(Supervision.escalate, {
          child: Effect.suspend(() => {
            failures += 1
            return failures < 3 ? Effect.fail(`failure ${failures}`) : Effect.never
          })
        })
        return yield* supervisor.escalated
      })
      const outer = yield* Supervisor.make(Supervision.restart(soon), { inner })
      const events = yield* Stream.runCollect(
        outer.events.pipe(
          Stream.filter((event) => event._tag === "Restarted"),
          Stream.take(1)
        )
      )
      assert.strictEqual(events.length, 1)
      yield* Effect.repeat(
        Effect.sync(() => failures),
        { until: (n) => n === 3, schedule: soon }
      )
    }).pipe(Effect.scoped)
  )
})
