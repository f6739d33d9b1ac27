import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as WorkerPool from "../../src/pool/WorkerPool.ts"

const read = (env: Record<string, string>) =>
  Effect.provideService(WorkerPool.config("TALLY"), ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))

describe("WorkerPool.config", () => {
  it.effect("has the defaults where nothing is set", () =>
    Effect.gen(function* () {
      const options = yield* read({})
      assert.strictEqual(options.profile, "balanced")
      assert.strictEqual(options.onFull, "wait")
      assert.deepStrictEqual(options.worker, {})
    })
  )

  it.effect("reads environment variables, those of the worker's place included", () =>
    Effect.gen(function* () {
      const options = yield* read({
        TALLY_size: "3",
        TALLY_profile: "lowLatency",
        TALLY_worker_cpuAffinity: "spread",
        TALLY_worker_heapMegabytes: "256"
      })
      assert.strictEqual(options.size, 3)
      assert.strictEqual(options.profile, "lowLatency")
      assert.deepStrictEqual(options.worker, { cpuAffinity: "spread", heapMegabytes: 256 })
    })
  )

  it.effect("reads them by the names that environment variables have", () =>
    Effect.gen(function* () {
      const options = yield* read({
        TALLY_SIZE: "3",
        TALLY_ONFULL: "fail",
        TALLY_CAPACITYBYTES: "4096",
        TALLY_WORKER_CPUAFFINITY: "spread",
        TALLY_CAPACITY: "100",
        TALLY_WORKER_ARGS_0: "--fast",
        TALLY_WORKER_ARGS_1: "--loud",
        TALLY_WORKER_ENV_MODE: "test"
      })
      assert.strictEqual(options.size, 3)
      assert.strictEqual(options.onFull, "fail")
      assert.strictEqual(options.capacityBytes, 4096)
      assert.strictEqual(options.profile, "balanced")
      assert.deepStrictEqual(options.worker, {
        cpuAffinity: "spread",
        args: ["--fast", "--loud"],
        env: { MODE: "test" }
      })
      assert.match(String(yield* Effect.flip(read({ TALLY_SIZE: "many" }))), /SIZE/)
      assert.match(String(yield* Effect.flip(read({ TALLY_WORKER_PRIORITY: "99" }))), /PRIORITY/)
    })
  )

  it.effect("names what is wrong", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(read({ TALLY_size: "0" }))
      assert.match(String(error), /size/)
    })
  )
})
