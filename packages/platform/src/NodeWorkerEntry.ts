/**
 * The worker's side of a thread: what the module that a thread starts ends with.
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
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as WorkerRunner from "effect/workers/WorkerRunner"
import type { Boot, Report } from "./Boot.ts"
import "./NodeConnector.ts"

const encodePanic = Schema.encodeUnknownSync(Schema.toCodecJson(WorkerPanicked))

/**
 * Runs an implementation in the thread that this module was started in, until its owner ends it.
 * Fails at once outside a worker thread.
 *
 * @category runners
 * @since 0.1.0
 */
export const launch = <Self, E>(implementation: Layer.Layer<Worker.Implementation<Self>, E>): void => {
  if (isMainThread) {
    throw new Error(
      "NodeWorkerEntry.launch: this module is the entry of a worker thread; it is started by NodeWorkers.layerThreads"
    )
  }
  const main = Effect.gen(function* () {
    const platform = yield* WorkerRunner.WorkerRunnerPlatform
    const runner = yield* platform.start<Report, Boot>()
    yield* runner.run((port, boot) =>
      Effect.flatMap(
        Effect.exit(life(implementation as Layer.Layer<Worker.Implementation<unknown>, E>, boot, () => runner.sendUnsafe(port, { _tag: "Ready" }))),
        (exit) =>
          Effect.sync(() => {
            runner.sendUnsafe(port, reportOf(boot.links.workerId, exit))
            // Whatever user code left running must not keep a thread that has ended alive.
            process.exit(0)
          })
      )
    )
  })
  Effect.runFork(Effect.provide(main, NodeWorkerRunner.layer))
}

const life = <E>(
  layer: Layer.Layer<Worker.Implementation<unknown>, E>,
  boot: Boot,
  ready: () => void
): Effect.Effect<void, WorkerPanicked> =>
  Effect.scopedWith((scope) =>
    Effect.gen(function* () {
      const { links } = boot
      const built = yield* Effect.mapError(Layer.buildWithScope(layer, scope), (error) =>
        WorkerRuntime.panicked(links.workerId, "layer", error)
      )
      const implementation = yield* Effect.provideContext(Worker.implementation, built)
      const { workerName } = implementation.contract
      if (workerName !== boot.contract) {
        return yield* WorkerRuntime.panicked(
          links.workerId,
          "import",
          `its module implements ${workerName}, not ${boot.contract}`
        )
      }
      yield* WorkerRuntime.run(implementation, links, ThreadIdentity.current(), Effect.sync(ready))
    })
  )

const reportOf = (worker: string, exit: Exit.Exit<void, WorkerPanicked>): Report => {
  if (Exit.isSuccess(exit)) return { _tag: "Ended" }
  const error = Cause.squash(exit.cause)
  const panic = error instanceof WorkerPanicked ? error : WorkerRuntime.panicked(worker, "run", error)
  return { _tag: "Panicked", error: encodePanic(panic) }
}
