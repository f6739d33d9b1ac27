/**
 * The worker's side of a thread or process: what the module that it starts ends with.
 *
 * ```ts
 * Tally.toLayer({ … }).pipe(Layer.provide(Database.layer), NodeWorkerEntry.launch)
 * ```
 *
 * @since 0.1.0
 */
import { isMainThread } from "node:worker_threads"
import * as NodeWorkerRunner from "@effect/platform-node/NodeWorkerRunner"
import { WorkerPanicked } from "@shared-nothing/core/Errors"
import * as ThreadIdentity from "@shared-nothing/core/ThreadIdentity"
import * as Worker from "@shared-nothing/core/Worker"
import * as WorkerRuntime from "@shared-nothing/core/WorkerRuntime"
import { HeapGauge } from "@shared-nothing/core/HeapGauge"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as WorkerRunner from "effect/workers/WorkerRunner"
import type { Boot, Place, Report } from "./Boot.ts"
import "./NodeConnector.ts"
import { settle } from "./Settling.ts"
import * as NodeHeap from "./NodeHeap.ts"
import * as Telemetry from "./Telemetry.ts"

const encodePanic = Schema.encodeUnknownSync(Schema.toCodecJson(WorkerPanicked))

/**
 * Runs an implementation in the thread or process that this module was started in, until its owner
 * ends it. Fails at once anywhere else.
 *
 * @category runners
 * @since 0.1.0
 */
export const launch = <Self, E>(implementation: Layer.Layer<Worker.Implementation<Self>, E>): void => {
  if (isMainThread && process.send === undefined) {
    throw new Error(
      "NodeWorkerEntry.launch: this module is the entry of a worker; it is started by NodeWorkers.layerThreads or NodeProcesses.layer"
    )
  }
  const layer = implementation as Layer.Layer<Worker.Implementation<unknown>, E>
  const main = Effect.gen(function* () {
    const platform = yield* WorkerRunner.WorkerRunnerPlatform
    const runner = yield* platform.start<Report, Boot>()
    yield* runner.run((port, boot) =>
      Effect.gen(function* () {
        const place = yield* placeOf(boot)
        const placement = yield* settle(boot.config, boot.index, !isMainThread)
        const ready = () => runner.sendUnsafe(port, { _tag: "Ready", placement })
        const telemetry = Telemetry.layer(
          (message) => runner.sendUnsafe(port, { _tag: "Telemetry", telemetry: message }),
          boot.traced
        )
        const exit = yield* Effect.exit(Effect.provide(life(layer, boot.contract, place, ready), telemetry))
        yield* place.leave(() => runner.sendUnsafe(port, reportOf(place.links.workerId, exit)))
      })
    )
  })
  Effect.runFork(Effect.provide(main, NodeWorkerRunner.layer))
  // One that is started ahead has the time.
  setImmediate(WorkerRuntime.prepare)
  if (isMainThread) void childPlace()
}

/** Threads need none of it, and start sooner without. */
const childPlace = () => import("./ChildPlace.ts")

const placeOf = (boot: Boot): Effect.Effect<Place> => {
  if ("mirror" in boot) return Effect.promise(async () => (await childPlace()).make(boot.mirror))
  const leave = (report: () => void) =>
    Effect.sync(() => {
      report()
      process.exit(0)
    })
  return Effect.succeed({ links: boot.links, leave })
}

const life = <E>(
  layer: Layer.Layer<Worker.Implementation<unknown>, E>,
  contract: string,
  { control, links }: Place,
  ready: () => void
): Effect.Effect<void, WorkerPanicked> =>
  Effect.scopedWith((scope) =>
    Effect.gen(function* () {
      const built = yield* Effect.mapError(Layer.buildWithScope(layer, scope), (error) =>
        WorkerRuntime.panicked(links.workerId, "layer", error)
      )
      const implementation = yield* Effect.provideContext(Worker.implementation, built)
      const { workerName } = implementation.contract
      if (workerName !== contract) {
        return yield* WorkerRuntime.panicked(
          links.workerId,
          "import",
          `its module implements ${workerName}, not ${contract}`
        )
      }
      yield* Effect.provideService(
        WorkerRuntime.run(implementation, links, ThreadIdentity.current(), Effect.sync(ready), control),
        HeapGauge,
        NodeHeap.gauge
      )
    })
  )

const reportOf = (worker: string, exit: Exit.Exit<void, WorkerPanicked>): Report => {
  if (Exit.isSuccess(exit)) return { _tag: "Ended" }
  const error = Cause.squash(exit.cause)
  const panic = error instanceof WorkerPanicked ? error : WorkerRuntime.panicked(worker, "run", error)
  return { _tag: "Panicked", error: encodePanic(panic) }
}
