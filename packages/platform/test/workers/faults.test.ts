/**
 * What goes wrong with a thread ends as a typed error that names what and where; nothing hangs, and
 * nothing is left running.
 */
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { InvalidConfig, Timeout, WorkerPanicked } from "@shared-nothing/core/Errors"
import * as WorkerPool from "@shared-nothing/core/WorkerPool"
import * as NodeWorkers from "@shared-nothing/platform/NodeWorkers"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Probe } from "@shared-nothing/core/WorkersLawsProbe"
import { Faulty } from "./fixtures/Faulty.ts"

const fixture = (name: string) => new URL(`./fixtures/${name}`, import.meta.url)

/** A module of a few lines. */
const inline = (code: string) => new URL(`data:text/javascript,${encodeURIComponent(code)}`)

const backend = (module: string | URL) =>
  NodeWorkers.layerThreads([Faulty, typeof module === "string" ? fixture(module) : module])

const well = { initData: { init: "well" } } as const

/** The error that a pool does not start for. */
const startError = (
  module: string | URL,
  options: Parameters<
    typeof WorkerPool.make<"Faulty", never, never, { readonly init: "well" | "exit" | "spin" }, never>
  >[1] = well
) =>
  Effect.flip(Effect.scoped(WorkerPool.make(Faulty, { size: 1, startTimeout: 5000, ...options }))).pipe(
    Effect.provide(backend(module))
  )

const panicOf = Effect.fnUntraced(function* (module: string | URL, options?: Parameters<typeof startError>[1]) {
  const error = yield* startError(module, options)
  assert.instanceOf(error, WorkerPanicked, error.message)
  assert.strictEqual(error.worker, "Faulty/0")
  return error
})

describe("a worker's thread that does not start", () => {
  it.live("for an error of syntax", () =>
    Effect.gen(function* () {
      const panic = yield* panicOf(inline("export const worker = {"))
      assert.strictEqual(panic.phase, "import")
      assert.include(panic.message, "SyntaxError")
    })
  )

  it.live("for what its module throws", () =>
    Effect.gen(function* () {
      const panic = yield* panicOf(inline('throw new TypeError("thrown while it was imported")'))
      assert.strictEqual(panic.message, "worker Faulty/0 panicked in import: TypeError: thrown while it was imported")
    })
  )

  it.live("for a module that launches nothing and ends", () =>
    Effect.gen(function* () {
      const panic = yield* panicOf(inline("export const nothing = 0"))
      assert.strictEqual(panic.phase, "import")
      assert.strictEqual(panic.exitCode, 0)
    })
  )

  it.live("for a module that launches nothing and stays", () =>
    Effect.gen(function* () {
      const error = yield* startError(inline("setInterval(() => {}, 1000)"), { ...well, startTimeout: 1000 })
      assert.instanceOf(error, Timeout)
      assert.strictEqual(error.message, "start of worker Faulty/0 did not finish within 1000 ms")
    })
  )

  it.live("for a module of another contract", () =>
    Effect.gen(function* () {
      const panic = yield* panicOf("Probe.worker.ts")
      assert.strictEqual(panic.message, "worker Faulty/0 panicked in import: its module implements Probe, not Faulty")
    })
  )

  it.live("for an exit in init", () =>
    Effect.gen(function* () {
      const panic = yield* panicOf("Faulty.worker.ts", { initData: { init: "exit" } })
      assert.strictEqual(panic.phase, "init")
      assert.strictEqual(panic.exitCode, 3)
      assert.strictEqual(panic.message, "worker Faulty/0 panicked in init: its thread exited with code 3")
    })
  )

  it.live("for an init that spins", () =>
    Effect.gen(function* () {
      const error = yield* startError("Faulty.worker.ts", { initData: { init: "spin" }, startTimeout: 1500 })
      assert.instanceOf(error, Timeout)
    })
  )

  it.live("for a contract that the backend does not know", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.scoped(WorkerPool.make(Probe, { initData: { greeting: "" } })))
      assert.instanceOf(error, InvalidConfig)
      assert.strictEqual(error.message, 'NodeWorkers.layerThreads = "Probe" is not allowed: one of Faulty')
    }).pipe(Effect.provide(backend("Faulty.worker.ts")))
  )

  it.effect("for a module that is not there", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.scoped(Layer.build(backend("Fawlty.worker.ts"))))
      assert.instanceOf(error, InvalidConfig)
      assert.include(error.message, fileURLToPath(fixture("Fawlty.worker.ts")))
    })
  )
})

describe("a worker's thread that ends by itself", () => {
  const faults = {
    "by an exit": { tag: "Exit", payload: { code: 7 }, detail: "its thread exited with code 7" },
    "by an error outside of a handler": {
      tag: "ThrowLater",
      payload: undefined,
      detail: "RangeError: outside of any handler"
    },
    "by a promise that nobody handles": {
      tag: "RejectLater",
      payload: undefined,
      detail: "RangeError: outside of any handler"
    }
  } as const

  for (const [how, { detail, payload, tag }] of Object.entries(faults)) {
    it.live(how, () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Faulty, { size: 2, ...well })
        // Taken apart, as functions may be.
        const ask = pool.askTo as (worker: string, tag: string, payload: unknown) => Effect.Effect<unknown, Error>
        // The request may be answered before its thread ends.
        yield* Effect.ignore(ask("Faulty/0", tag, payload))
        const panic = yield* Effect.flip(Effect.forever(pool.askTo("Faulty/0", "Well", undefined)))
        if (panic._tag === "WorkerPanicked") assert.include(panic.detail, detail)
        else assert.strictEqual(panic._tag, "WorkerNotRunning")
        const states = (yield* pool.stats).map(({ state }) => state)
        assert.deepStrictEqual(states, ["Stopped", "Running"])
        assert.strictEqual(yield* pool.askTo("Faulty/1", "Well", undefined), "well")
        yield* (yield* pool.worker("Faulty/0")).start
        assert.strictEqual(yield* pool.askTo("Faulty/0", "Well", undefined), "well")
      }).pipe(Effect.scoped, Effect.provide(backend("Faulty.worker.ts")))
    )
  }
})
