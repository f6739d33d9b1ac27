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
import * as NodeWorker from "@effect/platform-node/NodeWorker"
import { InvalidConfig, Timeout, type WorkerPanicked } from "@shared-nothing/core/Errors"
import type { WorkerConfig } from "@shared-nothing/core/WorkerConfig"
import { type SpawnOptions, type WorkerProcess, Workers } from "@shared-nothing/core/Workers"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as EffectWorker from "effect/workers/Worker"
import type { Boot, Report } from "./Boot.ts"
import { ChildLife, panic } from "./ChildLife.ts"
import * as Entries from "./Entries.ts"
import "./NodeConnector.ts"
import { parallelism } from "./Parallelism.ts"
import * as Telemetry from "./Telemetry.ts"

/**
 * Provides `Workers` on child processes, one module for each contract. Fails with `InvalidConfig` if
 * a module is not there, naming the path it resolved to.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (...entries: ReadonlyArray<Entries.Entry>): Layer.Layer<Workers, InvalidConfig> =>
  Layer.effect(
    Workers,
    Effect.gen(function* () {
      const modules = yield* Entries.resolve(where, entries)
      const platform = yield* EffectWorker.WorkerPlatform
      const telemetry = yield* Telemetry.receiver
      return Workers.of({
        isolation: "process",
        parallelism: parallelism(),
        spawn: Effect.fnUntraced(function* (options) {
          const module = yield* Entries.find(where, modules, options.contract)
          if (options.links.initAttachments.length > 0) {
            return yield* new InvalidConfig({
              option: `${options.contract.workerName}.initData`,
              value: options.links.workerId,
              allowed: "data without shared memory; a process shares none"
            })
          }
          return yield* spawn(platform, telemetry, module, options)
        })
      })
    })
  ).pipe(Layer.provide(NodeWorker.layerPlatform))

const where = "NodeProcesses.layer"

/** The flags of Node.js that stand for the limits of a `WorkerConfig`. */
const flagsOf = ({ execArgv, heapMegabytes, stackMegabytes, youngHeapMegabytes }: WorkerConfig): Array<string> => [
  ...(heapMegabytes === undefined ? [] : [`--max-old-space-size=${heapMegabytes}`]),
  ...(youngHeapMegabytes === undefined
    ? []
    : [`--max-semi-space-size=${Math.max(1, Math.floor(youngHeapMegabytes / 3))}`]),
  ...(stackMegabytes === undefined ? [] : [`--stack-size=${stackMegabytes * 984}`]),
  ...(execArgv ?? [])
]

const spawn = Effect.fnUntraced(function* (
  platform: EffectWorker.WorkerPlatform["Service"],
  telemetry: Effect.Success<typeof Telemetry.receiver>,
  module: URL,
  { config, contract, index, links, startMillis }: SpawnOptions
): Effect.fn.Return<WorkerProcess, WorkerPanicked | Timeout, Scope.Scope> {
  const life = yield* Effect.try({
    try: () => new ChildLife(module, flagsOf(config), config.env ?? {}, config.args ?? [], links),
    catch: (cause) => panic(links.workerId, "attach", cause instanceof Error ? cause.message : String(cause))
  })
  const worker = yield* Effect.orDie(
    Effect.provideService(platform.spawn<Report, Boot>(0), EffectWorker.Spawner, () => life.child)
  )
  const boot: Boot = {
    contract: contract.workerName,
    mirror: life.start,
    config,
    index,
    traced: telemetry.traced
  }
  yield* Effect.forkScoped(
    Effect.ignore(
      worker.run(
        (report) =>
          report._tag === "Telemetry" ? telemetry.receive(report.telemetry) : Effect.sync(() => life.take(report)),
        {
          onSpawn: Effect.suspend(() => {
            life.phase = "init"
            return Effect.ignore(worker.send(boot))
          })
        }
      )
    )
  )
  // Runs before the finalizer of `effect/workers`, which would wait 5 s for a child that hangs. Whoever
  // closes the scope has let the worker drain already, or does not want it to.
  yield* Effect.addFinalizer(() => life.close)

  const placement = yield* Effect.timeoutOrElse(Deferred.await(life.ready), {
    duration: startMillis,
    orElse: () =>
      Effect.fail(new Timeout({ operation: `start of worker ${links.workerId}`, millis: startMillis, unsent: [] }))
  })
  life.unref()
  return { owner: life.owner, placement, ended: Deferred.await(life.ended), kill: life.kill }
})
