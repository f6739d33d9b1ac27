/**
 * Every option out of its range is refused by name, with its value and what is allowed, before
 * anything starts.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Rpc from "effect/rpc/Rpc"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as Schedule from "effect/Schedule"
import type { InvalidConfig } from "../../src/errors/Errors.ts"
import * as Partitioner from "../../src/partition/Partitioner.ts"
import type { PoolOptionsInput } from "../../src/pool/PoolOptions.ts"
import * as WorkerPool from "../../src/pool/WorkerPool.ts"
import * as Supervision from "../../src/supervision/Supervision.ts"
import * as Supervisor from "../../src/supervision/Supervisor.ts"
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

const numbers = [Number.NaN, Infinity, 1.5, "4", null]

const outOfPlace: Record<string, ReadonlyArray<unknown>> = {
  cpuAffinity: [...numbers, -1, 4096, "all"],
  priority: [...numbers, -21, 20],
  stackMegabytes: [...numbers, 0],
  heapMegabytes: [...numbers, 0],
  youngHeapMegabytes: [...numbers, 0, 2 ** 20 + 1],
  args: ["--fast", 5],
  execArgv: ["--expose-gc"]
}

describe("options of the place where a worker runs", () => {
  for (const [option, values] of Object.entries(outOfPlace)) {
    it.effect(option, () =>
      Effect.gen(function* () {
        for (const value of values) {
          const error = (yield* refused({ size: 1, worker: { [option]: value } })) as InvalidConfig
          assert.strictEqual(error._tag, "InvalidConfig", String(value))
          assert.strictEqual(error.option, `WorkerPool.worker.${option}`)
          assert.isTrue(Object.is(error.value, value), `${String(error.value)} is given back for ${String(value)}`)
        }
      })
    )
  }
})

const spans = [0, -1, Number.NaN, Infinity, "1 fortnight", null, undefined]
const integers = [-1, 1.5, Number.NaN, Infinity, "5", null, undefined]
const fromOne = [...integers, 0]
const breaking = { trip: CircuitBreaker.consecutive(1), openDuration: "1 second" } as const

const rate = { _tag: "Rate", threshold: 0.5, size: 10, minimumCalls: 5 } as const
const tripping = (trip: CircuitBreaker.TripPolicy) => Supervision.circuitBreaker({ ...breaking, trip })

/** As they may come from where types do not reach. */
const supervisions: Record<string, readonly [wrong: ReadonlyArray<unknown>, made: (value: never) => object]> = {
  restart: [["1 second", 5, null], (v) => Supervision.restart(v)],
  "restart.snapshot": [[{ every: 1 }], (v) => Supervision.restart(undefined, { snapshot: v } as never)],
  "restart.strategie": [["oneForAll"], (v) => Supervision.restart(undefined, { strategie: v } as never)],
  strategy: [["all", 1, null], (v) => Supervision.restart(undefined, { strategy: v })],
  intensity: [[5, null], (v) => Supervision.restart(undefined, { intensity: v })],
  "intensity.per": [
    [5],
    (v) => Supervision.restart(undefined, { intensity: { restarts: 1, within: "1 second", per: v } as never })
  ],
  snapshots: [[5, null, "often"], (v) => Supervision.restart(undefined, { snapshots: v })],
  "intensity.restarts": [
    integers,
    (v) => Supervision.restart(undefined, { intensity: { restarts: v, within: "1 second" } })
  ],
  "intensity.within": [spans, (v) => Supervision.restart(undefined, { intensity: { restarts: 1, within: v } })],
  "snapshots.every": [fromOne, (v) => Supervision.restart(undefined, { snapshots: { every: v, within: "1 second" } })],
  "snapshots.within": [spans, (v) => Supervision.restart(undefined, { snapshots: { every: 1, within: v } })],
  retry: [["1 second", 5, null, undefined], (v) => Supervision.retry(v)],
  "retry.while": [[5, "always", true], (v) => Supervision.retry(Schedule.recurs(1), { while: v })],
  "retry.until": [[() => true], (v) => Supervision.retry(Schedule.recurs(1), { until: v } as never)],
  failback: [["1 second", 5, null, undefined, Schedule.recurs(1)], (v) => Supervision.failback(v)],
  and: [[Schedule.recurs(1), 5, undefined], (v) => Supervision.and(Supervision.restart(), v)],
  orElse: [[Schedule.recurs(1), 5, undefined], (v) => Supervision.orElse(Supervision.restart(), v)],
  deadline: [spans.filter((value) => value !== Infinity), (v) => Supervision.deadline(v)],
  "deadline.grace": [
    spans.filter((value) => value !== null && value !== undefined),
    (v) => Supervision.deadline("1 second", { grace: v })
  ],
  "deadline.requests.Greeting": [spans, (v) => Supervision.deadline("1 second", { requests: { Greeting: v } })],
  "deadline.graces": [["1 second"], (v) => Supervision.deadline("1 second", { graces: v } as never)],
  poison: [fromOne, (v) => Supervision.poison(v)],
  deadLetters: [fromOne, (v) => Supervision.deadLetters(v)],
  spares: [[...integers, 1e9], (v) => Supervision.spares(v)],
  recycleAfter: [fromOne, (v) => Supervision.recycleAfter(v)],
  heapWatermark: [[{}, 0.8, undefined, null, { share: undefined }], (v) => Supervision.heapWatermark(v)],
  "heapWatermark.shares": [[0.8], (v) => Supervision.heapWatermark({ share: 0.5, shares: v } as never)],
  "heapWatermark.share": [[0, 1, -1, Number.NaN, "0.5", null], (v) => Supervision.heapWatermark({ share: v })],
  "heapWatermark.megabytes": [
    [0, -1, Number.NaN, Infinity, "5", null],
    (v) => Supervision.heapWatermark({ megabytes: v })
  ],
  "circuitBreaker.trip": [
    [5, null, undefined, { _tag: "Never" }],
    (v) => Supervision.circuitBreaker({ ...breaking, trip: v })
  ],
  "circuitBreaker.trip.failures": [fromOne, (failures) => tripping({ _tag: "Consecutive", failures })],
  "circuitBreaker.trip.threshold": [[50, -0.1, Number.NaN, "0.5"], (threshold) => tripping({ ...rate, threshold })],
  "circuitBreaker.trip.size": [fromOne, (size) => tripping({ ...rate, size })],
  "circuitBreaker.trip.minimumCalls": [[...fromOne, 11], (minimumCalls) => tripping({ ...rate, minimumCalls })],
  "circuitBreaker.per": [["key", 5, null], (v) => Supervision.circuitBreaker({ ...breaking, per: v })],
  "circuitBreaker.opened": [["1 second"], (v) => Supervision.circuitBreaker({ ...breaking, opened: v } as never)],
  "circuitBreaker.openDuration": [spans, (v) => Supervision.circuitBreaker({ ...breaking, openDuration: v })],
  "circuitBreaker.whileOpen": [["retry", 5], (v) => Supervision.circuitBreaker({ ...breaking, whileOpen: v })]
}

describe("options of a supervision", () => {
  for (const [option, [values, made]] of Object.entries(supervisions)) {
    it.effect(option, () =>
      Effect.gen(function* () {
        for (const value of values) {
          const supervision = made(value as never) as Supervision.Supervision
          const error = (yield* refused({ size: 1, supervision })) as InvalidConfig
          assert.strictEqual(error._tag, "InvalidConfig", String(value))
          assert.strictEqual(error.option, `Supervision.${option}`)
          assert.isTrue(Object.is(error.value, value), `${String(error.value)} is given back for ${String(value)}`)
          assert.match(error.message, / is not allowed: \S/)
          if (option.startsWith("deadline.requests")) continue
          const started = yield* Effect.flip(Effect.scoped(Supervisor.make(supervision, { never: Effect.never })))
          assert.strictEqual(started.message, error.message)
        }
      })
    )
  }

  it.effect("that is none", () =>
    Effect.gen(function* () {
      for (const supervision of [Schedule.recurs(1), 5, null, Supervision.retry, {}, { _tag: "Restart" }] as const) {
        const error = (yield* refused({ size: 1, supervision })) as InvalidConfig
        assert.deepStrictEqual([error._tag, error.option], ["InvalidConfig", "WorkerPool.supervision"])
        const started = yield* Effect.flip(
          Effect.scoped(Supervisor.make(supervision as never, { never: Effect.never }))
        )
        assert.deepStrictEqual([started._tag, started.option], ["InvalidConfig", "Supervisor.supervision"])
      }
    })
  )

  it.effect("failback, with anything that fails over", () =>
    Effect.gen(function* () {
      const failback = Supervision.failback(Schedule.recurs(1))
      const circuit = (per: "worker" | "keyGroup") =>
        Supervision.circuitBreaker({ ...breaking, per, whileOpen: "failover" })
      for (const value of [Supervision.failover, circuit("worker"), circuit("keyGroup")]) {
        const supervision = Supervision.and(value, failback)
        yield* Effect.scoped(WorkerPool.make(Probe, { size: 1, initData: { greeting: "" }, supervision })).pipe(
          Effect.provide(backend)
        )
      }
    })
  )
})

describe("programs of a supervisor", () => {
  it.effect("that are none", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Effect.scoped(Supervisor.make(Supervision.restart(), { five: 5 as unknown as Effect.Effect<void> }))
      )
      assert.strictEqual(error.message, "Supervisor.programs.five = 5 is not allowed: an Effect")
    })
  )
})

class Plain extends Worker.Service<Plain>()("Plain", { message: Schema.String, key: (message) => message }) {}

describe("a contract", () => {
  it.effect("is refused where it is none", () =>
    Effect.gen(function* () {
      for (const contract of [undefined, null, 5, "Plain", {}]) {
        const error = yield* Effect.flip(Effect.scoped(WorkerPool.make(contract as never))).pipe(
          Effect.provide(backend)
        )
        assert.deepStrictEqual([error._tag, (error as InvalidConfig).option], ["InvalidConfig", "WorkerPool.contract"])
      }
    })
  )

  it.effect("is refused where a part of it is none", () =>
    Effect.gen(function* () {
      const parts = { message: Schema.String, key: String }
      const refusedOf = (part: object) => {
        class Odd extends Worker.Service<Odd>()("Odd", { ...parts, ...part }) {}
        return Effect.map(
          Effect.flip(Effect.scoped(WorkerPool.make(Odd, { size: 1 }))),
          (error) => (error as InvalidConfig).message
        ).pipe(Effect.provide(backend))
      }
      assert.match(yield* refusedOf({ message: undefined }), /^Odd\.message = undefined is not allowed: a Schema/)
      assert.match(yield* refusedOf({ message: {} }), /^Odd\.message = \{\} is not allowed: a Schema/)
      assert.match(yield* refusedOf({ key: "id" }), /^Odd\.key = "id" is not allowed: a function/)
      const requests = ["Top", "Count", "Top"].map((tag) => Rpc.make(tag))
      assert.match(yield* refusedOf({ requests }), /^Odd\.requests = "Top" is not allowed: a tag of its own/)
    })
  )
})

describe("handlers", () => {
  it.effect("are refused where they are none, or one is missing", () =>
    Effect.gen(function* () {
      class Odd extends Worker.Service<Odd>()("Odd", {
        message: Schema.String,
        requests: [Rpc.make("Top")],
        key: String
      }) {}
      const whole = { init: Effect.void, handle: () => {}, Top: () => {} }
      const detailOf = (handlers: object) =>
        Effect.map(
          Effect.flip(Effect.scoped(WorkerPool.make(Odd, { size: 1 }))),
          (error) => error.message.split("panicked in options: ")[1]
        ).pipe(Effect.provide(FiberWorkers.layer([Odd, Odd.toLayer(handlers as typeof whole)])))
      const { init: _, ...noInit } = whole
      assert.match(yield* detailOf(noInit), /^Odd\.init = undefined is not allowed: an Effect/)
      assert.match(yield* detailOf({ ...whole, init: 5 }), /^Odd\.init = 5 is not allowed/)
      assert.match(yield* detailOf({ ...whole, handle: "all" }), /^Odd\.handle = "all" is not allowed: a function/)
      assert.match(yield* detailOf({ ...whole, shutdown: Effect.void }), /^Odd\.shutdown = .* is not allowed/)
      const { Top: __, ...noTop } = whole
      assert.match(yield* detailOf(noTop), /^Odd\.Top = undefined is not allowed: a function: the contract has/)
      assert.match(yield* detailOf({ ...whole, tick: {} }), /^Odd\.tick\.every = undefined is not allowed/)
      for (const none of [undefined, null, 5, "all", () => whole]) {
        const detail = yield* detailOf(none as unknown as typeof whole)
        assert.include(detail, "Odd.toLayer = ")
        assert.include(detail, " is not allowed: an object of its handlers: init, handle or handleBatch, Top")
      }
    })
  )

  it.effect("are refused where a worker could do nothing", () =>
    Effect.gen(function* () {
      const made = (handlers: object) =>
        Effect.scoped(WorkerPool.make(Plain, { size: 1 })).pipe(
          Effect.provide(FiberWorkers.layer([Plain, Plain.toLayer({ init: Effect.void, ...handlers })]))
        )
      const error = yield* Effect.flip(made({}))
      assert.include(
        error.message,
        "panicked in options: Plain.handle = undefined is not allowed: a function, of one message; or else handleBatch"
      )
      yield* made({ handleBatch: () => {} })
      yield* made({ tick: { every: "1 minute", run: () => {} } })
    })
  )
})

describe("a contract with state", () => {
  class Kept extends Worker.Service<Kept>()("Kept", { message: Schema.String, state: Schema.String, key: String }) {}
  const whole = { init: Effect.succeed(""), handle: () => {}, snapshot: () => "", restore: () => {}, forget: () => {} }
  for (const name of ["snapshot", "restore", "forget"] as const) {
    it.effect(`is not implemented without ${name}`, () =>
      Effect.gen(function* () {
        const layer = Kept.toLayer({ ...whole, [name]: undefined })
        const error = yield* Effect.flip(Effect.scoped(WorkerPool.make(Kept, { size: 1 }))).pipe(
          Effect.provide(FiberWorkers.layer([Kept, layer]))
        )
        assert.include(error.message, `panicked in options: Kept.${name} = undefined is not allowed: a function`)
      })
    )
  }
})

describe("options of a worker", () => {
  const bad = {
    batchSize: [0, -1, Number.NaN, 1.5],
    concurrency: [0, -1, Number.NaN, 1e9],
    batchWithin: [-1, Infinity, Number.NaN, "1 fortnight", null],
    tick: [0, Infinity, Number.NaN, "1 fortnight", null].map((every) => ({ every, run: () => {} }))
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
