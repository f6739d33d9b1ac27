import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as WorkerPool from "../../src/pool/WorkerPool.ts"
import * as Supervision from "../../src/supervision/Supervision.ts"
import * as FiberWorkers from "../../src/worker/FiberWorkers.ts"
import { HeapGauge, type HeapUse } from "../../src/worker/HeapGauge.ts"
import { Batches, batches, Crowd, crowd, Ledger, ledger, world } from "./Ledger.ts"
import { entries, fresh, soon } from "./support.ts"

const backend = FiberWorkers.layer([Ledger, ledger], [Crowd, crowd], [Batches, batches])

const contracts = [
  ["one at a time", Ledger],
  ["several keys at once", Crowd],
  ["in batches", Batches]
] as const

const supervisions = [
  ["recycled only", Supervision.recycleAfter(100)],
  [
    "restarted, too",
    Supervision.recycleAfter(100).pipe(
      Supervision.and(Supervision.restart(soon, { snapshots: { every: 16, within: "5 millis" } }))
    )
  ]
] as const

describe("recycling after so many messages", () => {
  for (const [how, contract] of contracts) {
    for (const [policy, supervision] of supervisions) {
      it.live(`loses, repeats and reorders nothing: ${how}, ${policy}`, () =>
        fresh(
          Effect.gen(function* () {
            const pool = yield* WorkerPool.make(contract as typeof Ledger, { size: 2, capacity: 64, supervision })
            let next = 0
            while ((yield* pool.supervised).Recycled < 4) {
              yield* pool.sendAll(entries(10, next, next + 10))
              next += 10
              yield* Effect.sleep("1 millis")
            }
            for (let i = 0; i < 10; i++) {
              const key = `key-${i}`
              assert.deepStrictEqual(yield* pool.ask(key, "Account", { key }), {
                key,
                count: next,
                last: next - 1,
                disorders: 0
              })
            }
            yield* Effect.repeat(pool.allRunning, { until: (all) => all, schedule: soon })
            const counts = yield* pool.supervised
            assert.strictEqual(counts.Failed, 0)
            assert.isAtLeast(world.inits, 2 + counts.Recycled)
          }).pipe(Effect.scoped, Effect.provide(backend))
        )
      )
    }
  }

  it.live("refuses nobody meanwhile: neither what is sent to one worker, nor what it is asked", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, { size: 1 })
        let sent = 0
        const sending = yield* Effect.forkChild(
          Effect.forever(
            Effect.andThen(
              Effect.suspend(() => pool.sendTo("Ledger/0", { key: "a", id: sent++ })),
              Effect.sleep("1 millis")
            )
          )
        )
        for (let i = 0; i < 20; i++) {
          const asked = yield* Effect.forkChild(pool.askTo("Ledger/0", "Account", { key: "a" }))
          yield* pool.recycle("Ledger/0")
          assert.strictEqual((yield* Fiber.join(asked)).disorders, 0)
        }
        yield* Fiber.interrupt(sending)
        const { count, disorders, last } = yield* pool.askTo("Ledger/0", "Account", { key: "a" })
        assert.deepStrictEqual({ count: last + 1, disorders: 0 }, { count, disorders })
        assert.strictEqual(world.inits, 21)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("a handler that fails on the way out is an ordinary failure", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, { size: 1, supervision: Supervision.restart(soon) })
        yield* pool.sendAll([{ key: "a", id: 0, act: "hang" }])
        yield* Effect.sleep("5 millis")
        const recycled = yield* Effect.forkChild(pool.recycle("Ledger/0"))
        yield* Effect.flatMap(pool.worker("Ledger/0"), (worker) => worker.kill)
        yield* Fiber.join(recycled)
        world.allowed.add("a/0")
        yield* Effect.flatMap(pool.worker("Ledger/0"), (worker) => worker.kill)
        assert.strictEqual((yield* pool.ask("a", "Account", { key: "a" })).count, 1)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )
})

describe("recycling a worker that waits to try again", () => {
  for (const [how, contract] of contracts) {
    it.live(`does not wait for it, and its successor tries: ${how}`, () =>
      fresh(
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make(contract as typeof Ledger, {
            size: 1,
            supervision: Supervision.restart(soon).pipe(Supervision.and(Supervision.retry(Schedule.spaced("1 hour"))))
          })
          yield* pool.sendAll([{ key: "a", id: 0, act: "throw" }])
          yield* Effect.repeat(pool.supervised, { until: ({ Retrying }) => Retrying === 1, schedule: soon })
          yield* pool.sendAll([{ key: "a", id: 1 }, ...entries(2, 0, 10)])
          assert.strictEqual((yield* pool.ask("key-0", "Account", { key: "key-0" })).count, 10)
          world.allowed.add("a/0")
          const began = performance.now()
          yield* pool.recycle(pool.workerIds[0])
          assert.isBelow(performance.now() - began, 1000)
          assert.deepStrictEqual(yield* pool.ask("a", "Account", { key: "a" }), {
            key: "a",
            count: 2,
            last: 1,
            disorders: 0
          })
          for (const key of ["key-0", "key-1"]) {
            assert.deepStrictEqual(yield* pool.ask(key, "Account", { key }), { key, count: 10, last: 9, disorders: 0 })
          }
        }).pipe(Effect.scoped, Effect.provide(backend))
      )
    )
  }
})

const mega = (used: number, buffers: number, limit: number): HeapUse => ({
  used: used * 1_048_576,
  buffers: buffers * 1_048_576,
  limit: limit * 1_048_576
})

describe("recycling by the heap", () => {
  it.live("replaces the worker that is too full, and none of the others", () =>
    fresh(
      Effect.gen(function* () {
        const watchers: Array<(use: HeapUse) => void> = []
        const gauge = Layer.succeed(HeapGauge, {
          watch: (onMeasured) => {
            watchers.push(onMeasured)
            return () => {}
          }
        })
        yield* Effect.gen(function* () {
          const pool = yield* WorkerPool.make(Ledger, {
            size: 2,
            supervision: Supervision.heapWatermark({ share: 0.5 })
          })
          yield* pool.sendAll(entries(4, 0, 5))
          yield* pool.drained
          assert.strictEqual(watchers.length, 2)
          watchers[0](mega(44, 1000, 100))
          watchers[1](mega(51, 0, 100))
          const [event] = yield* Stream.runCollect(Stream.take(pool.events, 1))
          assert.deepInclude(event, { _tag: "Recycled", worker: "Ledger/1", because: "heap" })
          assert.strictEqual(watchers.length, 3)
          for (let i = 0; i < 4; i++) {
            const key = `key-${i}`
            assert.strictEqual((yield* pool.ask(key, "Account", { key })).count, 5)
          }
        }).pipe(Effect.scoped, Effect.provide(Layer.provide(backend, gauge)))
      })
    )
  )
})

describe("a supervision that cannot be", () => {
  for (const [option, supervision] of [
    ["recycleAfter", Supervision.recycleAfter(0)],
    ["heapWatermark.share", Supervision.heapWatermark({ share: 80 })],
    ["heapWatermark.megabytes", Supervision.heapWatermark({ megabytes: NaN })],
    ["poison", Supervision.poison(0.5)],
    ["spares", Supervision.spares(-1)],
    ["deadline", Supervision.deadline(0)],
    ["deadline.requests.Account", Supervision.deadline(Infinity, { requests: { Account: 0 } })],
    ["deadline.requests.Nothing", Supervision.deadline(Infinity, { requests: { Nothing: 10 } })],
    ["intensity.restarts", Supervision.restart(soon, { intensity: { restarts: NaN, within: 1 } })],
    ["snapshots.every", Supervision.restart(soon, { snapshots: { every: 0, within: 1 } })]
  ] as const) {
    it.effect(`is refused by name: ${option}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(WorkerPool.make(Ledger, { size: 1, supervision }))
        assert.strictEqual(error._tag, "InvalidConfig")
        assert.include(error.message, `Supervision.${option}`)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  }
})
