/**
 * Every option out of its range is refused by name, with its value and what is allowed, before
 * anything starts.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { InvalidConfig } from "../../src/errors/Errors.ts"
import * as Partitioner from "../../src/partition/Partitioner.ts"
import type { PoolOptionsInput } from "../../src/pool/PoolOptions.ts"
import * as WorkerPool from "../../src/pool/WorkerPool.ts"
import { Probe, probe } from "../../src/testing/laws/workers/Probe.ts"
import * as FiberWorkers from "../../src/worker/FiberWorkers.ts"
import * as Worker from "../../src/worker/Worker.ts"
import * as Schema from "effect/Schema"

const backend = FiberWorkers.layer([Probe, probe])

const refused = (options: Record<string, unknown>) =>
  Effect.flip(
    Effect.scoped(WorkerPool.make(Probe, { initData: { greeting: "" }, ...(options as PoolOptionsInput) }))
  ).pipe(Effect.provide(backend))

const counts = [0, -1, 1.5, Number.NaN, Infinity, -Infinity, 2 ** 53, "4", null]
const times = [0, -1, Number.NaN, Infinity, "5 seconds", null]

const outOfRange: Record<string, ReadonlyArray<unknown>> = {
  size: counts,
  maxSize: counts,
  capacity: counts,
  capacityBytes: [...counts, 1],
  priorities: [...counts, 9],
  clients: counts.filter((value) => value !== 0),
  keyGroups: counts,
  startTimeout: times,
  shutdownTimeout: times,
  name: ["", 7],
  profile: ["fast", 1],
  onFull: ["block", true],
  wait: ["sleep", 5]
}

describe("options of a pool", () => {
  for (const [option, values] of Object.entries(outOfRange)) {
    it.effect(option, () =>
      Effect.gen(function* () {
        for (const value of values) {
          const error = yield* refused({ size: 1, [option]: value })
          assert.strictEqual(error._tag, "InvalidConfig", `${option} = ${String(value)}`)
          const { message, option: named, value: given } = error as InvalidConfig
          assert.strictEqual(named, `WorkerPool.${option}`)
          assert.isTrue(Object.is(given, value), `${String(given)} is given back for ${String(value)}`)
          assert.match(message, /^WorkerPool\.\w+ = .* is not allowed: \S/)
        }
      })
    )
  }

  it.effect("that do not exist", () =>
    Effect.gen(function* () {
      const error = yield* refused({ size: 1, sise: 4 })
      assert.strictEqual((error as InvalidConfig).option, "WorkerPool.sise")
    })
  )

  it.effect("that contradict each other", () =>
    Effect.gen(function* () {
      const error = yield* refused({ size: 3, maxSize: 2 })
      assert.strictEqual(error.message, "WorkerPool.maxSize = 2 is not allowed: at least size, 3")
    })
  )

  it.effect("that ask for more memory than there can be", () =>
    Effect.gen(function* () {
      const error = yield* refused({ size: 1, capacityBytes: 2 ** 28, priorities: 8, clients: 256 })
      assert.strictEqual(error._tag, "InvalidConfig")
      assert.strictEqual((error as InvalidConfig).option, "WorkerPool.capacityBytes")
    })
  )

  it.effect("key groups that are no power of two, and partitioners that do not fit", () =>
    Effect.gen(function* () {
      const groups = yield* refused({ size: 1, keyGroups: 3 })
      assert.strictEqual(groups.message, "WorkerPool.keyGroups = 3 is not allowed: a power of two from 1 to 65536")
      const weighted = { size: 2, partitioner: Partitioner.weighted({ "Probe/0": -1 } as never) }
      assert.match((yield* refused(weighted)).message, /^WorkerPool\.partitioner\.weights = /)
    })
  )

  it.effect("init data that does not fit its schema names the path", () =>
    Effect.gen(function* () {
      const error = yield* refused({ size: 1, initData: { greeting: 7 } })
      assert.strictEqual((error as InvalidConfig).option, "WorkerPool.initData")
      assert.include(error.message, "greeting")
    })
  )
})

class Plain extends Worker.Service<Plain>()("Plain", { message: Schema.String, key: (message) => message }) {}

describe("options of a worker", () => {
  const bad = {
    batchSize: [0, -1, Number.NaN, 1.5],
    concurrency: [0, -1, Number.NaN, 1e9],
    batchWithin: [-1, Infinity],
    tick: [0, Infinity].map((every) => ({ every, run: () => {} }))
  }
  for (const [option, values] of Object.entries(bad)) {
    it.effect(option, () =>
      Effect.gen(function* () {
        for (const value of values) {
          const layer = Plain.toLayer({ init: Effect.void, handleBatch: () => {}, [option]: value })
          const error = yield* Effect.flip(Effect.scoped(WorkerPool.make(Plain, { size: 1 }))).pipe(
            Effect.provide(FiberWorkers.layer([Plain, layer]))
          )
          assert.strictEqual(error._tag, "WorkerPanicked")
          assert.include(error.message, `worker Plain/0 panicked in options: Plain.${option}`)
        }
      })
    )
  }
})
