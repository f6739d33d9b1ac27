import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { WorkerNotRunning } from "../../src/errors/Errors.ts"
import * as WorkerPool from "../../src/pool/WorkerPool.ts"
import * as Supervision from "../../src/supervision/Supervision.ts"
import * as FiberWorkers from "../../src/worker/FiberWorkers.ts"
import { Batches, batches, Crowd, crowd, Ledger, ledger, world } from "./Ledger.ts"
import { entries, eventually, fresh, groupOf, soon } from "./support.ts"

const backend = FiberWorkers.layer([Ledger, ledger], [Crowd, crowd], [Batches, batches])
const restart = Supervision.restart(soon, {
  intensity: { restarts: 100, within: "10 seconds" },
  snapshots: { every: 16, within: "5 millis" }
})

/** Long enough, in milliseconds, for several senders to be refused. */
const longOpen = 400

/** A sender that is refused is told when to come again, and given its messages back. */
const refusedWith = (error: unknown, unsent: number): void => {
  assert.instanceOf(error, WorkerNotRunning)
  assert.isAtLeast(error.retryAfterMillis!, 1)
  assert.isAtMost(error.retryAfterMillis!, longOpen)
  assert.lengthOf(error.unsent, unsent)
}

/** Tried again at once and for ever, under a circuit. */
const circuit = (
  per: "worker" | "keyGroup",
  whileOpen: "wait" | "fail" | "failover",
  trip: CircuitBreaker.TripPolicy = CircuitBreaker.consecutive(3),
  openMillis = 60
) =>
  restart.pipe(
    Supervision.and(Supervision.retry(soon)),
    Supervision.and(Supervision.circuitBreaker({ per, trip, openDuration: openMillis, whileOpen }))
  )

const eventuallyThree = <E>(account: Effect.Effect<{ readonly count: number }, E>) =>
  Effect.repeat(account, { until: ({ count }) => count === 3, schedule: soon })

const contracts = [
  ["one at a time", Ledger],
  ["several keys at once", Crowd],
  ["in batches", Batches]
] as const

describe("the circuit of a key group", () => {
  for (const [how, contract] of contracts) {
    it.live(`opens after so many failed tries, keeps its messages, and lets one pass to probe: ${how}`, () =>
      fresh(
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make(contract as typeof Ledger, {
            size: 1,
            supervision: circuit("keyGroup", "wait")
          })
          yield* pool.sendAll([{ key: "a", id: 0, act: "throw" }])
          yield* eventually(pool, ({ CircuitOpened }) => CircuitOpened === 1)
          // A batch that fails is nobody's failure until it is taken apart: here it is one message, and tried as one.
          const opened = world.tries.get("a/0")!
          yield* pool.sendAll(entries(["a", "b"], 1, 20))
          // Another group is not disturbed.
          assert.strictEqual((yield* pool.ask("b", "Account", { key: "b" })).count, 19)
          assert.isFalse(world.tries.has("a/1"))
          yield* eventually(pool, ({ CircuitOpened }) => CircuitOpened === 2)
          // The probe is one try.
          assert.strictEqual(world.tries.get("a/0"), opened + 1)
          assert.isFalse(world.tries.has("a/1"))
          const asked = yield* Effect.forkChild(pool.ask("a", "Account", { key: "a" }))
          world.allowed.add("a/0")
          assert.deepStrictEqual(yield* Fiber.join(asked), { key: "a", count: 20, last: 19, disorders: 0 })
          yield* eventually(pool, ({ CircuitClosed }) => CircuitClosed === 1)
          const counts = yield* pool.supervised
          assert.deepStrictEqual([counts.CircuitHalfOpened, counts.Failed], [2, 0])
          yield* pool.drained
        }).pipe(Effect.scoped, Effect.provide(backend))
      )
    )
  }

  it.live("refuses its messages and requests, if senders choose so, and nobody else's", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, { size: 1, supervision: circuit("keyGroup", "fail") })
        yield* pool.send({ key: "a", id: 0, act: "throw" })
        yield* eventually(pool, ({ CircuitOpened }) => CircuitOpened === 1)
        const refused = yield* Effect.flip(pool.sendAll(entries(["a", "b"], 1, 3)))
        assert.instanceOf(refused, WorkerNotRunning)
        assert.deepStrictEqual(refused.unsent, entries(["a"], 1, 3))
        assert.include(refused.message, `key group ${groupOf("a")}`)
        assert.isAtMost(refused.retryAfterMillis!, 60)
        const unasked = yield* Effect.flip(pool.ask("a", "Account", { key: "a" }))
        assert.strictEqual(unasked._tag, "WorkerNotRunning")
        assert.strictEqual((yield* pool.ask("b", "Account", { key: "b" })).count, 2)
        assert.include(yield* pool.describe, `circuit of Ledger/0, key group ${groupOf("a")}: open`)
        world.allowed.add("a/0")
        yield* eventually(pool, ({ CircuitClosed }) => CircuitClosed === 1)
        yield* pool.sendAll(entries(["a"], 1, 3))
        assert.deepStrictEqual(yield* pool.ask("a", "Account", { key: "a" }), {
          key: "a",
          count: 3,
          last: 2,
          disorders: 0
        })
        assert.notInclude(yield* pool.describe, "circuit of Ledger/0")
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("opens by the deaths of workers, too, and its successor keeps the messages", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, {
          size: 1,
          supervision: restart.pipe(
            Supervision.and(Supervision.poison(1000)),
            Supervision.and(
              Supervision.circuitBreaker({
                per: "keyGroup",
                trip: CircuitBreaker.consecutive(3),
                openDuration: "60 millis"
              })
            )
          )
        })
        yield* pool.sendAll([{ key: "a", id: 0, act: "throw" as const }, ...entries(["a", "b"], 1, 20)])
        yield* eventually(pool, ({ CircuitOpened }) => CircuitOpened === 1)
        assert.strictEqual(world.tries.get("a/0"), 3)
        assert.strictEqual((yield* pool.ask("b", "Account", { key: "b" })).count, 19)
        yield* eventually(pool, ({ CircuitOpened }) => CircuitOpened === 2)
        assert.strictEqual(world.tries.get("a/0"), 4)
        world.allowed.add("a/0")
        assert.deepStrictEqual(yield* pool.ask("a", "Account", { key: "a" }), {
          key: "a",
          count: 20,
          last: 19,
          disorders: 0
        })
        yield* eventually(pool, ({ CircuitClosed }) => CircuitClosed === 1)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("opens by the rate of failures", () =>
    fresh(
      Effect.gen(function* () {
        const trip = CircuitBreaker.rate({ threshold: 0.5, size: 10, minimumCalls: 6 })
        const pool = yield* WorkerPool.make(Ledger, {
          size: 1,
          supervision: restart.pipe(
            Supervision.and(Supervision.retry(Schedule.recurs(0))),
            Supervision.and(Supervision.circuitBreaker({ per: "keyGroup", trip, openDuration: "60 millis" }))
          )
        })
        const failing = (id: number) => ({ key: "a", id, act: "throw" as const })
        // One in three, then two in three.
        for (let id = 0; id < 30; id++) yield* pool.send(id % 3 === 0 ? failing(id) : { key: "a", id })
        yield* pool.drained
        assert.strictEqual((yield* pool.supervised).CircuitOpened, 0)
        for (let id = 30; id < 42; id++) yield* pool.send(id % 3 === 0 ? { key: "a", id } : failing(id))
        yield* eventually(pool, ({ CircuitOpened }) => CircuitOpened >= 1)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("a probe that is given up makes the next message the probe", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, {
          size: 1,
          supervision: restart.pipe(
            Supervision.and(Supervision.retry(Schedule.max([soon, Schedule.recurs(2)]))),
            Supervision.and(
              Supervision.circuitBreaker({
                per: "keyGroup",
                trip: CircuitBreaker.consecutive(3),
                openDuration: "30 millis"
              })
            )
          )
        })
        yield* pool.sendAll([{ key: "a", id: 0, act: "throw" as const }, ...entries(["a"], 1, 5)])
        const [letter] = yield* Stream.runCollect(Stream.take(pool.deadLetters, 1))
        assert.strictEqual(letter.attempts, 3)
        assert.deepStrictEqual(yield* pool.ask("a", "Account", { key: "a" }), {
          key: "a",
          count: 4,
          last: 4,
          disorders: 0
        })
        yield* eventually(pool, ({ CircuitClosed }) => CircuitClosed === 1)
        yield* pool.drained
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("refuses whoever sends to its worker, and senders in other threads, and no other group", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, {
          size: 2,
          supervision: circuit("keyGroup", "fail", undefined, longOpen)
        })
        const client = yield* WorkerPool.connect(Ledger, pool.handle)
        const shut = "a"
        const others = Array.from({ length: 20 }, (_, i) => `key-${i}`).filter((key) => groupOf(key) !== groupOf(shut))
        yield* pool.send({ key: shut, id: 0, act: "throw" })
        yield* eventually(pool, ({ CircuitOpened }) => CircuitOpened === 1)
        const worker = (yield* pool.stats).find(({ depth }) => depth > 0)!.worker
        const half = yield* pool.worker(worker)
        const far = yield* client.sender(worker)
        const more = entries([shut], 1, 4)
        refusedWith(yield* Effect.flip(pool.sendTo(worker, more[0])), 1)
        refusedWith(yield* Effect.flip(half.sendAll(more)), 3)
        const mixed = [...entries(others, 0, 1), ...more]
        refusedWith(yield* Effect.flip(client.sendAll(mixed)), 3)
        refusedWith(yield* Effect.flip(client.sendTo(worker, more[0])), 1)
        refusedWith(yield* Effect.flip(far.trySend(more[0])), 1)
        refusedWith(yield* Effect.flip(far.sendAll([...entries(others, 1, 2), ...more])), 3)
        world.allowed.add("a/0")
        yield* eventually(pool, ({ CircuitClosed }) => CircuitClosed === 1)
        yield* client.sendAll(entries([shut], 1, 2))
        yield* far.sendAll(entries([shut], 2, 3))
        yield* eventuallyThree(pool.ask(shut, "Account", { key: shut }))
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("closing the pool gives what was kept its last chance", () =>
    fresh(
      Effect.gen(function* () {
        const began = performance.now()
        yield* Effect.scoped(
          Effect.gen(function* () {
            const pool = yield* WorkerPool.make(Ledger, {
              size: 1,
              supervision: restart.pipe(
                Supervision.and(Supervision.retry(Schedule.recurs(0))),
                Supervision.and(
                  Supervision.circuitBreaker({
                    per: "keyGroup",
                    trip: CircuitBreaker.consecutive(1),
                    openDuration: "1 hour"
                  })
                )
              )
            })
            yield* pool.send({ key: "a", id: 0, act: "throw" })
            yield* eventually(pool, ({ CircuitOpened }) => CircuitOpened === 1)
            yield* pool.sendAll(entries(["a"], 1, 10))
            assert.isFalse(world.tries.has("a/1"))
          })
        )
        assert.strictEqual(world.tries.get("a/9"), 1)
        assert.isBelow(performance.now() - began, 4000)
      }).pipe(Effect.provide(backend))
    )
  )

  it.live("closing the pool does not wait for the probe with what failed", () =>
    fresh(
      Effect.gen(function* () {
        const began = performance.now()
        const letters = yield* Effect.scoped(
          Effect.gen(function* () {
            const pool = yield* WorkerPool.make(Ledger, {
              size: 1,
              supervision: restart.pipe(
                Supervision.and(Supervision.retry(Schedule.max([Schedule.recurs(3), soon]))),
                Supervision.and(
                  Supervision.circuitBreaker({
                    per: "keyGroup",
                    trip: CircuitBreaker.consecutive(1),
                    openDuration: "1 hour"
                  })
                )
              )
            })
            yield* pool.send({ key: "a", id: 0, act: "throw" })
            yield* eventually(pool, ({ Retrying }) => Retrying === 1)
            return pool.deadLetters
          })
        )
        const [letter, ...others] = yield* Stream.runCollect(letters)
        assert.strictEqual(letter.attempts, 4)
        assert.lengthOf(others, 0)
        assert.isBelow(performance.now() - began, 4000)
      }).pipe(Effect.provide(backend))
    )
  )
})

describe("the circuit of a worker that lives", () => {
  for (const [how, contract] of contracts) {
    it.live(`opens after so many failed tries, and keeps everything: ${how}`, () =>
      fresh(
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make(contract as typeof Ledger, {
            size: 1,
            supervision: circuit("worker", "wait")
          })
          yield* pool.send({ key: "a", id: 0, act: "throw" })
          yield* eventually(pool, ({ CircuitOpened }) => CircuitOpened === 1)
          yield* pool.sendAll(entries(["a", "b"], 1, 20))
          const asked = yield* Effect.forkChild(pool.ask("b", "Account", { key: "b" }))
          yield* eventually(pool, ({ CircuitOpened }) => CircuitOpened === 2)
          assert.isFalse(world.tries.has("b/1"))
          world.allowed.add("a/0")
          assert.strictEqual((yield* Fiber.join(asked)).count, 19)
          assert.deepStrictEqual(yield* pool.ask("a", "Account", { key: "a" }), {
            key: "a",
            count: 20,
            last: 19,
            disorders: 0
          })
          yield* eventually(pool, ({ CircuitClosed }) => CircuitClosed === 1)
          assert.strictEqual((yield* pool.supervised).Failed, 0)
        }).pipe(Effect.scoped, Effect.provide(backend))
      )
    )
  }

  it.live("refuses everything, if senders choose so, and takes it again", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, {
          size: 1,
          supervision: circuit("worker", "fail", undefined, longOpen)
        })
        const client = yield* WorkerPool.connect(Ledger, pool.handle)
        yield* pool.send({ key: "a", id: 0, act: "throw" })
        yield* eventually(pool, ({ CircuitOpened }) => CircuitOpened === 1)
        refusedWith(yield* Effect.flip(pool.send({ key: "b", id: 0 })), 1)
        refusedWith(yield* Effect.flip(pool.sendTo("Ledger/0", { key: "b", id: 0 })), 1)
        refusedWith(yield* Effect.flip(client.send({ key: "b", id: 0 })), 1)
        refusedWith(yield* Effect.flip(client.sendTo("Ledger/0", { key: "b", id: 0 })), 1)
        world.allowed.add("a/0")
        yield* eventually(pool, ({ CircuitClosed }) => CircuitClosed === 1)
        yield* pool.send({ key: "b", id: 0 })
        assert.strictEqual((yield* pool.ask("b", "Account", { key: "b" })).count, 1)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("has others do its work until then", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, { size: 2, supervision: circuit("worker", "failover") })
        const keys = Array.from({ length: 8 }, (_, i) => `key-${i}`)
        yield* pool.sendAll(entries(keys, 0, 5))
        yield* pool.send({ key: "key-0", id: 5, act: "throw" })
        yield* eventually(pool, ({ FailedOver }) => FailedOver === 1)
        world.allowed.add("key-0/5")
        yield* pool.sendAll(entries(keys, 6, 10))
        for (const key of keys) {
          const { count, disorders } = yield* pool.ask(key, "Account", { key })
          assert.deepStrictEqual({ count, disorders }, { count: key === "key-0" ? 10 : 9, disorders: 0 })
        }
        yield* eventually(pool, ({ FailedBack }) => FailedBack === 1)
        for (const key of keys) assert.strictEqual((yield* pool.ask(key, "Account", { key })).last, 9)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )
})
