/**
 * The `process` backend: each worker runs in a child process of its own. It contains what a thread
 * does not: a worker that runs out of memory, crashes in native code or is killed ends alone.
 *
 * It runs the modules that threads run. Memory is not shared with a child, so the worker's mailbox
 * is mirrored (`OwnerMirror`): it stays with its owner, and what the worker had not acknowledged
 * when it died is there for its successor. Messages cannot carry shared memory or handles of
 * channels to it; a worker that is sent one panics. Moved bytes are copied.
 *
 * A child ends with its parent, however that ends, and takes no interrupt from the terminal: its
 * parent decides what that means. An idle child does not keep its parent alive.
 *
 * @since 0.1.0
 */
import { InvalidConfig, type Timeout, type WorkerPanicked } from "@shared-nothing/core/Errors"
import * as Ties from "@shared-nothing/core/Ties"
import type { WorkerConfig } from "@shared-nothing/core/WorkerConfig"
import { type PrepareOptions, type SpawnOptions, type WorkerProcess, type Workers } from "@shared-nothing/core/Workers"
import { decodeInit } from "@shared-nothing/core/WorkerRuntime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as EffectWorker from "effect/workers/Worker"
import type { Boot, Report } from "./Boot.ts"
import { ChildLife, panic } from "./ChildLife.ts"
import type * as Entries from "./Entries.ts"
import "./NodeConnector.ts"
import * as Resolutions from "./Resolutions.ts"
import type * as Telemetry from "./Telemetry.ts"
import * as WorkersLayer from "./WorkersLayer.ts"

/**
 * Provides `Workers` on child processes, one module for each contract. Fails with `InvalidConfig` if
 * a module is not there, naming the path it resolved to.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (...entries: ReadonlyArray<Entries.Entry>): Layer.Layer<Workers, InvalidConfig> =>
  WorkersLayer.make("process", "NodeProcesses.layer", entries, open)

/** The flags of Node.js that stand for the limits of a `WorkerConfig`. */
const flagsOf = ({ execArgv, heapMegabytes, stackMegabytes, youngHeapMegabytes }: WorkerConfig): Array<string> => [
  ...(heapMegabytes === undefined ? [] : [`--max-old-space-size=${heapMegabytes}`]),
  ...(youngHeapMegabytes === undefined
    ? []
    : [`--max-semi-space-size=${Math.max(1, Math.floor(youngHeapMegabytes / 3))}`]),
  ...(stackMegabytes === undefined ? [] : [`--stack-size=${stackMegabytes * 984}`]),
  ...(execArgv ?? [])
]

/** Starts a child that imports its module and then waits to be told what worker it is. */
const open = Effect.fnUntraced(function* (
  platform: EffectWorker.WorkerPlatform["Service"],
  telemetry: Effect.Success<typeof Telemetry.receiver>,
  module: URL,
  name: string,
  { config, contract, startMillis }: PrepareOptions
): Effect.fn.Return<WorkersLayer.Started, WorkerPanicked, Scope.Scope> {
  const attached = (worker: string) => (cause: unknown) =>
    panic(worker, "attach", cause instanceof Error ? cause.message : String(cause))
  const life = yield* Effect.try({
    try: () =>
      new ChildLife(module, flagsOf(config), config.env ?? {}, config.args ?? [], name, Resolutions.isShared(config)),
    catch: attached(name)
  })
  const worker = yield* Effect.orDie(
    Effect.provideService(platform.spawn<Report, Boot>(0), EffectWorker.Spawner, () => life.child)
  )
  yield* Effect.forkScoped(
    Effect.ignore(
      worker.run(
        (report) =>
          report._tag === "Telemetry" ? telemetry.receive(report.telemetry) : Effect.sync(() => life.take(report)),
        { onSpawn: Effect.sync(() => Deferred.doneUnsafe(life.imported, Effect.void)) }
      )
    )
  )
  // Runs before the finalizer of `effect/workers`, which would wait 5 s for a child that hangs. Whoever
  // closes the scope has let the worker drain already, or does not want it to.
  yield* Effect.addFinalizer(() => life.close)

  const boot = Effect.fnUntraced(function* ({ index, links }: SpawnOptions, ties: ReadonlyArray<Ties.Ties<unknown>>) {
    yield* Deferred.await(life.imported)
    const mirror = yield* Effect.try({ try: () => life.begin(links, ties), catch: attached(links.workerId) })
    const tell = worker.send({ contract: contract.workerName, mirror, config, index, traced: telemetry.traced })
    return yield* WorkersLayer.begin(links.workerId, tell, Deferred.await(life.ready))
  })
  return {
    get alive() {
      return life.alive
    },
    ready: Effect.map(WorkersLayer.within(name, startMillis, Deferred.await(life.imported)), () => life.unref()),
    spawn: (options): Effect.Effect<WorkerProcess, InvalidConfig | WorkerPanicked | Timeout> =>
      Effect.suspend((): Effect.Effect<WorkerProcess, InvalidConfig | WorkerPanicked | Timeout> => {
        const { initAttachments, workerId } = options.links
        const ties = initAttachments.length === 0 ? [] : Ties.find(decodeInit(options.contract.initData, options.links))
        const mirrored = Ties.memories(ties)
        if (initAttachments.some((memory) => !mirrored.has(memory))) {
          return Effect.fail(
            new InvalidConfig({
              option: `${contract.workerName}.initData`,
              value: workerId,
              allowed: "data without shared memory; a process shares none"
            })
          )
        }
        life.name(workerId)
        return Effect.map(
          WorkersLayer.within(workerId, startMillis, boot(options, ties)),
          (placement): WorkerProcess => {
            life.unref()
            return {
              owner: life.owner,
              placement,
              ended: Deferred.await(life.ended),
              kill: life.kill,
              look: life.look
            }
          }
        )
      })
  }
})
