/**
 * The `thread` backend: each worker runs in a `worker_threads` thread of its own, started and
 * watched through `effect/workers`.
 *
 * @since 0.1.0
 */
import { Worker as Thread } from "node:worker_threads"
import { type InvalidConfig, type Timeout, WorkerPanicked } from "@shared-nothing/core/Errors"
import * as Registry from "@shared-nothing/core/Registry"
import { type PrepareOptions, type SpawnOptions, type WorkerProcess, type Workers } from "@shared-nothing/core/Workers"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as EffectWorker from "effect/workers/Worker"
import type { Boot, Report } from "./Boot.ts"
import type * as Entries from "./Entries.ts"
import { ownerOf } from "./NodeConnector.ts"
import * as Resolutions from "./Resolutions.ts"
import type * as Telemetry from "./Telemetry.ts"
import * as WorkersLayer from "./WorkersLayer.ts"

const decodePanic = Schema.decodeUnknownSync(Schema.toCodecJson(WorkerPanicked))

/**
 * Provides `Workers` on threads, one module for each contract. Fails with `InvalidConfig` if a
 * module is not there, naming the path it resolved to.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerThreads = (...entries: ReadonlyArray<Entries.Entry>): Layer.Layer<Workers, InvalidConfig> =>
  WorkersLayer.make("thread", "NodeWorkers.layerThreads", entries, open)

/** Starts a thread that imports its module and then waits to be told what worker it is. */
const open = Effect.fnUntraced(function* (
  platform: EffectWorker.WorkerPlatform["Service"],
  telemetry: Effect.Success<typeof Telemetry.receiver>,
  module: URL,
  name: string,
  { config, contract, startMillis }: PrepareOptions
): Effect.fn.Return<WorkersLayer.Started, never, Scope.Scope> {
  const imported = Deferred.makeUnsafe<void, WorkerPanicked>()
  const ready = Deferred.makeUnsafe<string | undefined, WorkerPanicked>()
  let workerId = name
  const ended = Deferred.makeUnsafe<void, WorkerPanicked>()
  const exited = Deferred.makeUnsafe<void>()
  let phase = "import"
  let thrown: { readonly cause: unknown } | undefined
  const end = (exit: Effect.Effect<void, WorkerPanicked>) => {
    Deferred.doneUnsafe(imported, Effect.andThen(exit, Effect.interrupt))
    Deferred.doneUnsafe(ready, Effect.andThen(exit, Effect.interrupt))
    Deferred.doneUnsafe(ended, exit)
  }

  const { args, env, execArgv, heapMegabytes, stackMegabytes, youngHeapMegabytes } = config
  const thread = new Thread(Resolutions.bootstrap, {
    eval: true,
    workerData: {
      module: module.href,
      resolutions: Resolutions.isShared(config) ? Resolutions.of(module) : undefined
    },
    name,
    ...(args === undefined ? {} : { argv: [...args] }),
    ...(env === undefined ? {} : { env: { ...process.env, ...env } }),
    ...(execArgv === undefined ? {} : { execArgv: [...process.execArgv, ...execArgv] }),
    resourceLimits: {
      ...(stackMegabytes === undefined ? {} : { stackSizeMb: stackMegabytes }),
      ...(heapMegabytes === undefined ? {} : { maxOldGenerationSizeMb: heapMegabytes }),
      ...(youngHeapMegabytes === undefined ? {} : { maxYoungGenerationSizeMb: youngHeapMegabytes })
    }
  })
  // It forgets its number when it ends.
  const { threadId } = thread
  thread.once("error", (cause) => {
    thrown = { cause }
  })
  // Listened to beside `effect/workers`, which stops listening at an `error`: a thread that reports and
  // then dies of an uncaught error may have its error heard first, and its report only before its exit.
  thread.on("message", ([kind, report]: readonly [number, Report]) => {
    if (kind !== 1) return
    switch (report._tag) {
      case "Ready":
        phase = "run"
        return Deferred.doneUnsafe(ready, Effect.succeed(report.placement))
      case "Ended":
        return end(Effect.void)
      case "Panicked":
        return end(Effect.fail(decodePanic(report.error)))
    }
  })
  thread.once("exit", (exitCode) => {
    // It may have taken its place before anybody heard that it is ready.
    Registry.bury(ownerOf(threadId))
    Deferred.doneUnsafe(exited, Effect.void)
    const cause = thrown?.cause
    end(
      Effect.fail(
        new WorkerPanicked({
          worker: workerId,
          phase,
          detail:
            cause === undefined
              ? `its thread exited with code ${exitCode}`
              : cause instanceof Error
                ? `${cause.name}: ${cause.message}`
                : String(cause),
          exitCode,
          ...(cause === undefined ? {} : { cause })
        })
      )
    )
  })
  const kill = Effect.andThen(
    Effect.promise(() => {
      thread.ref()
      return thread.terminate()
    }),
    Deferred.await(exited)
  )

  const worker = yield* Effect.provideService(platform.spawn<Report, Boot>(0), EffectWorker.Spawner, () => thread).pipe(
    Effect.orDie
  )
  yield* Effect.forkScoped(
    Effect.ignore(
      worker.run((report) => (report._tag === "Telemetry" ? telemetry.receive(report.telemetry) : Effect.void), {
        onSpawn: Effect.sync(() => Deferred.doneUnsafe(imported, Effect.void))
      })
    )
  )
  // Runs before the finalizer of `effect/workers`, which would wait 5 s for a thread that hangs. Whoever
  // closes the scope has let the worker drain already, or does not want it to.
  yield* Effect.addFinalizer(() => kill)

  const boot = Effect.fnUntraced(function* ({ index, links }: SpawnOptions) {
    yield* Deferred.await(imported)
    phase = "init"
    const { traced } = telemetry
    const tell = worker.send({ contract: contract.workerName, links, config, index, traced })
    return yield* WorkersLayer.begin(links.workerId, tell, Deferred.await(ready))
  })
  return {
    get alive() {
      return !Deferred.isDoneUnsafe(ended)
    },
    ready: Effect.map(WorkersLayer.within(workerId, startMillis, Deferred.await(imported)), () => {
      thread.unref()
    }),
    spawn: (options): Effect.Effect<WorkerProcess, WorkerPanicked | Timeout> =>
      Effect.suspend(() => {
        workerId = options.links.workerId
        thread.ref()
        return Effect.map(WorkersLayer.within(workerId, startMillis, boot(options)), (placement) => {
          thread.unref()
          return { owner: ownerOf(threadId), placement, ended: Deferred.await(ended), kill }
        })
      })
  }
})
