import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as WorkerPool from "../../src/pool/WorkerPool.ts"
import type { SupervisionCounts } from "../../src/supervision/SupervisionEvent.ts"
import * as Supervision from "../../src/supervision/Supervision.ts"
import * as FiberWorkers from "../../src/worker/FiberWorkers.ts"
import * as Worker from "../../src/worker/Worker.ts"
import { type Spare, Workers } from "../../src/worker/Workers.ts"
import { Batches, batches, Forgetful, forgetful, world } from "./Ledger.ts"
import { entries, eventually, fresh, soon } from "./support.ts"

const restart = Supervision.restart(soon, { intensity: { restarts: 100, within: "10 seconds" } })
const backend = FiberWorkers.layer([Forgetful, forgetful], [Batches, batches])

class Plain extends Worker.Service<Plain>()("Plain", {
  message: Schema.Struct({ key: Schema.String }),
  key: ({ key }) => key
}) {}

const until = (condition: () => boolean) => Effect.repeat(Effect.void, { until: condition, schedule: soon })

const many = (count: number) => Array.from({ length: count }, () => ({ key: "a" }))

describe("a worker on its way to another life", () => {
  /** Its first lives begin at once, all others when told to. */
  const slow = (quick: number) => {
    const lives = { begun: 0 }
    const layer = Plain.toLayer({
      init: Effect.suspend(() => (++lives.begun > quick ? Effect.sleep("100 millis") : Effect.void)),
      handle: () => {
        throw new Error("told to")
      }
    })
    return { backend: FiberWorkers.layer([Plain, layer]), lives }
  }

  it.live("can be stopped: the life that was beginning is called off", () => {
    const { backend, lives } = slow(1)
    return Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Plain, { size: 1, supervision: restart })
      const worker = yield* pool.worker("Plain/0")
      yield* worker.kill
      yield* until(() => lives.begun === 2)
      yield* worker.stop
      assert.strictEqual(yield* worker.state, "Stopped")
      yield* Effect.sleep("120 millis")
      assert.strictEqual(yield* worker.state, "Stopped")
      assert.strictEqual((yield* pool.supervised).Failed, 1)
      // By hand it may begin again.
      yield* worker.start
      assert.strictEqual(yield* worker.state, "Running")
    }).pipe(Effect.scoped, Effect.provide(backend))
  })

  it.live("does not begin after the pool has given up", () => {
    const { backend, lives } = slow(2)
    return Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Plain, {
        size: 2,
        supervision: Supervision.restart(Schedule.recurs(0)).pipe(
          Supervision.orElse(Supervision.escalate),
          Supervision.and(Supervision.poison(50))
        )
      })
      const worker = yield* pool.worker("Plain/0")
      yield* worker.stop
      const starting = yield* Effect.forkChild(Effect.flip(worker.start))
      yield* until(() => lives.begun === 3)
      yield* pool.sendTo("Plain/1", { key: "a" })
      yield* Effect.flip(pool.escalated)
      assert.strictEqual((yield* Fiber.join(starting))._tag, "WorkerNotRunning")
      assert.strictEqual(yield* worker.state, "Stopped")
    }).pipe(Effect.scoped, Effect.provide(backend))
  })

  it.live("settles what it was asked when it is stopped", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Forgetful, {
          size: 1,
          supervision: Supervision.restart(Schedule.spaced("1 minute"))
        })
        const worker = yield* pool.worker("Forgetful/0")
        yield* worker.kill
        const asked = yield* Effect.forkChild(Effect.flip(pool.ask("a", "Account", { key: "a" })))
        yield* Effect.yieldNow
        yield* worker.stop
        assert.strictEqual((yield* Fiber.join(asked))._tag, "WorkerNotRunning")
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("is paused once it lives", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Forgetful, {
          size: 1,
          supervision: Supervision.restart(Schedule.spaced("20 millis"))
        })
        const worker = yield* pool.worker("Forgetful/0")
        yield* worker.kill
        yield* worker.pause
        assert.strictEqual(yield* worker.state, "Paused")
        assert.strictEqual((yield* pool.supervised).Restarted, 1)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("is stopped after its successor has begun, if it leaves for one", () => {
    let handled = 0
    const layer = Plain.toLayer({
      init: Effect.void,
      handle: () => {
        handled += 1
      },
      shutdown: () => Effect.sleep("50 millis")
    })
    return Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Plain, { size: 1, supervision: restart })
      const worker = yield* pool.worker("Plain/0")
      yield* Effect.forkChild(Effect.ignore(pool.recycle("Plain/0")))
      yield* Effect.sleep("10 millis")
      yield* pool.sendAll(many(10))
      yield* worker.stop
      assert.strictEqual(yield* worker.state, "Stopped")
      assert.strictEqual(handled, 10)
    }).pipe(Effect.scoped, Effect.provide(FiberWorkers.layer([Plain, layer])))
  })

  it.live("leaves a place that it no longer wants to the next", () => {
    let used = 0
    const slowSpares = Layer.effect(
      Workers,
      Effect.map(Workers, (workers) =>
        Workers.of({
          ...workers,
          prepare: () =>
            Effect.map(Effect.andThen(Effect.sleep("30 millis"), Effect.scope), (scope): Spare => ({
              alive: true,
              spawn: (options) => {
                used += 1
                return Scope.provide(workers.spawn(options), scope)
              }
            }))
        })
      )
    )
    return fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Forgetful, {
          size: 1,
          maxSize: 2,
          supervision: restart.pipe(Supervision.and(Supervision.spares(1)))
        })
        const adding = yield* Effect.forkChild(pool.addWorker)
        yield* Effect.yieldNow
        yield* Fiber.interrupt(adding)
        yield* pool.addWorker
        assert.strictEqual(used, 1)
      }).pipe(Effect.scoped, Effect.provide(Layer.provide(slowSpares, backend)))
    )
  })
})

describe("what a worker has in hand", () => {
  const watched = restart.pipe(Supervision.and(Supervision.deadline("30 millis")))
  const busy = Effect.sleep("2 millis")

  const unharmed = (pool: { readonly supervised: Effect.Effect<SupervisionCounts> }) =>
    Effect.map(pool.supervised, ({ Failed, Overdue }) =>
      assert.deepStrictEqual({ Failed, Overdue }, { Failed: 0, Overdue: 0 })
    )

  it.live("is nothing while it is paused, whatever the deadline", () => {
    const layer = Plain.toLayer({ init: Effect.void, handle: () => busy })
    return Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Plain, { size: 1, supervision: watched })
      yield* pool.sendAll(many(100))
      const worker = yield* pool.worker("Plain/0")
      yield* worker.pause
      yield* Effect.sleep("100 millis")
      yield* unharmed(pool)
    }).pipe(Effect.scoped, Effect.provide(FiberWorkers.layer([Plain, layer])))
  })

  it.live("is nothing while it ticks", () => {
    let ticks = 0
    const layer = Plain.toLayer({
      init: Effect.void,
      handle: () => busy,
      tick: {
        every: "10 millis",
        run: () =>
          Effect.andThen(
            Effect.sleep("100 millis"),
            Effect.sync(() => void ticks++)
          )
      }
    })
    return Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Plain, { size: 1, supervision: watched, shutdownTimeout: 10 })
      yield* pool.sendAll(many(200))
      yield* until(() => ticks === 2)
      yield* unharmed(pool)
    }).pipe(Effect.scoped, Effect.provide(FiberWorkers.layer([Plain, layer])))
  })

  it.live("is nothing while it leaves, and waits for what failed", () => {
    let isGood = false
    const layer = Plain.toLayer({
      init: Effect.void,
      handle: (_, { key }) => (key === "bad" && !isGood ? Effect.fail("told to") : busy)
    })
    return Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Plain, {
        size: 1,
        supervision: watched.pipe(Supervision.and(Supervision.retry(Schedule.spaced("100 millis"))))
      })
      yield* pool.sendAll([{ key: "bad" }, ...many(50)])
      yield* eventually(pool, ({ Retrying }) => Retrying === 1)
      isGood = true
      yield* pool.recycle("Plain/0")
      yield* unharmed(pool)
    }).pipe(Effect.scoped, Effect.provide(FiberWorkers.layer([Plain, layer])))
  })

  it.live("is put down between two tries, however soon the next is", () => {
    let tries = 0
    const layer = Plain.toLayer({
      init: Effect.void,
      handle: () =>
        Effect.andThen(
          Effect.sleep("9 millis"),
          Effect.suspend(() => (++tries < 40 ? Effect.fail("no") : Effect.void))
        )
    })
    return Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Plain, {
        size: 1,
        supervision: restart.pipe(
          Supervision.and(Supervision.deadline("60 millis")),
          Supervision.and(Supervision.retry(soon))
        )
      })
      yield* pool.send({ key: "a" })
      yield* pool.drained
      assert.strictEqual(tries, 40)
      yield* unharmed(pool)
    }).pipe(Effect.scoped, Effect.provide(FiberWorkers.layer([Plain, layer])))
  })

  it.live("is past its deadline for as long as the oldest is: others that come and go do not count", () => {
    const layer = Plain.toLayer({
      init: Effect.void,
      handle: () => Effect.uninterruptible(Effect.sleep("60 millis")),
      concurrency: 8
    })
    return Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Plain, {
        size: 1,
        supervision: restart.pipe(Supervision.and(Supervision.deadline("20 millis", { grace: "200 millis" })))
      })
      for (let i = 0; i < 40; i++) {
        yield* pool.send({ key: `${i}` })
        yield* Effect.sleep("10 millis")
      }
      yield* unharmed(pool)
    }).pipe(Effect.scoped, Effect.provide(FiberWorkers.layer([Plain, layer])))
  })

  it.live("is a batch that has waited for more: its death is that of the message", () => {
    let tries = 0
    const layer = Plain.toLayer({
      init: Effect.void,
      batchWithin: "20 millis",
      handleBatch: () => {
        tries += 1
        throw new Error("told to")
      }
    })
    return Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Plain, {
        size: 1,
        supervision: restart.pipe(Supervision.and(Supervision.poison(2)))
      })
      yield* pool.send({ key: "a" })
      const [letter] = yield* Stream.runCollect(Stream.take(pool.deadLetters, 1))
      assert.deepStrictEqual({ attempts: letter.attempts, tries }, { attempts: 2, tries: 2 })
    }).pipe(Effect.scoped, Effect.provide(FiberWorkers.layer([Plain, layer])))
  })

  it.live("is no message of a batch of several: who is to blame is found alone", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Batches, {
          size: 1,
          supervision: restart.pipe(Supervision.and(Supervision.poison(1)))
        })
        const all = entries(["a"], 0, 40)
        yield* pool.sendAll([...all.slice(0, 20), { key: "b", id: 0, act: "throw" as const }, ...all.slice(20)])
        assert.strictEqual((yield* pool.ask("a", "Account", { key: "a" })).count, 40)
        const [letter] = yield* Stream.runCollect(Stream.take(pool.deadLetters, 1))
        assert.deepStrictEqual(letter.message, { key: "b", id: 0, act: "throw" })
        assert.strictEqual((yield* pool.supervised).DeadLettered, 1)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )
})

describe("a life after one that ended with several in hand", () => {
  it.live("takes them one at a time for as far as that had come, which may be many batches", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Batches, {
          size: 1,
          supervision: Supervision.restart(soon, { snapshots: { every: 4096, within: "1 minute" } }).pipe(
            Supervision.and(Supervision.poison(1))
          )
        })
        yield* pool.sendAll(entries(["a"], 0, 3000))
        assert.strictEqual((yield* pool.ask("a", "Account", { key: "a" })).count, 3000)
        const more = entries(["a"], 3000, 3020)
        yield* pool.sendAll([...more, { key: "b", id: 0, act: "throw" as const }])
        assert.strictEqual((yield* pool.ask("a", "Account", { key: "a" })).count, 3020)
        const { DeadLettered, Failed } = yield* pool.supervised
        assert.deepStrictEqual({ DeadLettered, Failed }, { DeadLettered: 1, Failed: 2 })
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )
})

describe("an owner", () => {
  it.live("is given dead letters as it asks for them: the rest stay", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Forgetful, {
          size: 1,
          supervision: restart.pipe(Supervision.and(Supervision.retry(Schedule.recurs(0))))
        })
        yield* pool.sendAll(Array.from({ length: 3 }, (_, id) => ({ key: "a", id, act: "fail" as const })))
        yield* eventually(pool, ({ DeadLettered }) => DeadLettered === 3)
        for (let id = 0; id < 3; id++) {
          const [letter] = yield* Stream.runCollect(Stream.take(pool.deadLetters, 1))
          assert.strictEqual(letter.message.id, id)
        }
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  const refusing = restart.pipe(
    Supervision.and(Supervision.retry(Schedule.spaced("20 millis"))),
    Supervision.and(
      Supervision.circuitBreaker({
        trip: CircuitBreaker.consecutive(1),
        openDuration: "300 millis",
        whileOpen: "fail"
      })
    )
  )

  it.live("waits for what a worker that refuses has to do, and does nothing meanwhile", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Forgetful, { size: 1, supervision: refusing })
        yield* pool.send({ key: "a", id: 0, act: "fail" })
        yield* eventually(pool, ({ CircuitOpened }) => CircuitOpened === 1)
        world.allowed.add("a/0")
        const before = process.cpuUsage()
        yield* pool.drained
        const { system, user } = process.cpuUsage(before)
        assert.isBelow((system + user) / 1000, 150)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("goes on with what it keeps for a worker that has refused", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Forgetful, {
          size: 1,
          capacity: 16,
          onFull: "dropOldest",
          supervision: refusing
        })
        yield* pool.sendAll([
          { key: "a", id: 0, act: "fail" },
          ...Array.from({ length: 30 }, (_, id) => ({ key: "b", id }))
        ])
        yield* eventually(pool, ({ CircuitOpened }) => CircuitOpened === 1)
        world.allowed.add("a/0")
        yield* pool.drained
        assert.strictEqual((yield* pool.ask("b", "Account", { key: "b" })).count, 30)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )
})
