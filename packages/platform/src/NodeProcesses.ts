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
import { statSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as NodeWorker from "@effect/platform-node/NodeWorker"
import { InvalidConfig, Timeout, type WorkerPanicked } from "@shared-nothing/core/Errors"
import { type SpawnOptions, type WorkerProcess, Workers } from "@shared-nothing/core/Workers"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as EffectWorker from "effect/workers/Worker"
import type { Boot, Report } from "./Boot.ts"
import { ChildLife, panic } from "./ChildLife.ts"
import * as CpuAffinity from "./CpuAffinity.ts"
import "./NodeConnector.ts"
import type { Entry } from "./NodeWorkers.ts"
import { parallelism } from "./Parallelism.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Flags of Node.js for the children, after those of this process: `["--max-old-space-size=512"]`. */
  readonly execArgv?: ReadonlyArray<string> | undefined
  /** Environment variables for the children, on top of those of this process. */
  readonly env?: Readonly<Record<string, string>> | undefined
  /** The processor of every child, or `"spread"`: each on one of its own, as far as there are enough. */
  readonly cpuAffinity?: CpuAffinity.CpuAffinity | undefined
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true

/**
 * Provides `Workers` on child processes, one module for each contract. Fails with `InvalidConfig` if
 * a module is not there, naming the path it resolved to.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (...entries: ReadonlyArray<Entry>): Layer.Layer<Workers, InvalidConfig> =>
  layerWith({}, ...entries)

/**
 * As `layer`, with options for the children.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWith = (options: Options, ...entries: ReadonlyArray<Entry>): Layer.Layer<Workers, InvalidConfig> =>
  Layer.effect(Workers, make(options, entries)).pipe(Layer.provide(NodeWorker.layerPlatform))

const make = Effect.fnUntraced(function* (options: Options, entries: ReadonlyArray<Entry>) {
  const { cpuAffinity } = options
  if (typeof cpuAffinity === "number" && !(Number.isInteger(cpuAffinity) && cpuAffinity >= 0)) {
    return yield* new InvalidConfig({
      option: "NodeProcesses.cpuAffinity",
      value: cpuAffinity,
      allowed: `the number of a processor, or "spread"`
    })
  }
  for (const [contract, module] of entries) {
    if (module.protocol === "file:" && !isFile(fileURLToPath(module))) {
      return yield* new InvalidConfig({
        option: `NodeProcesses.layer.${contract.workerName}`,
        value: fileURLToPath(module),
        allowed: "the module of the worker; there is no file of that name"
      })
    }
  }
  const platform = yield* EffectWorker.WorkerPlatform
  const places = new Places()
  return Workers.of({
    isolation: "process",
    parallelism: parallelism(),
    spawn: Effect.fnUntraced(function* (asked) {
      const entry = entries.find(([known]) => known.workerName === asked.contract.workerName)
      if (entry === undefined) {
        return yield* new InvalidConfig({
          option: "NodeProcesses.layer",
          value: asked.contract.workerName,
          allowed: `one of ${entries.map(([known]) => known.workerName).join(", ") || "(no worker was given)"}`
        })
      }
      if (asked.links.initAttachments.length > 0) {
        return yield* new InvalidConfig({
          option: `${asked.contract.workerName}.initData`,
          value: asked.links.workerId,
          allowed: "data without shared memory; a process shares none"
        })
      }
      const affinity = cpuAffinity === undefined ? undefined : { cpu: cpuAffinity, index: yield* places.take }
      return yield* spawn(platform, entry[1], options, affinity, asked)
    })
  })
})

/** Numbers for the workers to spread: the lowest that is free, so that a successor gets its predecessor's. */
class Places {
  private readonly taken = new Set<number>()

  readonly take: Effect.Effect<number, never, Scope.Scope> = Effect.acquireRelease(
    Effect.sync(() => {
      let index = 0
      while (this.taken.has(index)) index += 1
      this.taken.add(index)
      return index
    }),
    (index) => Effect.sync(() => this.taken.delete(index))
  )
}

const spawn = Effect.fnUntraced(function* (
  platform: EffectWorker.WorkerPlatform["Service"],
  module: URL,
  options: Options,
  affinity: Boot["affinity"],
  asked: SpawnOptions
): Effect.fn.Return<WorkerProcess, WorkerPanicked | Timeout, Scope.Scope> {
  const { contract, links, startMillis } = asked
  const life = yield* Effect.try({
    try: () => new ChildLife(module, options.execArgv ?? [], options.env ?? {}, links),
    catch: (cause) => panic(links.workerId, "attach", cause instanceof Error ? cause.message : String(cause))
  })
  const worker = yield* Effect.orDie(
    Effect.provideService(platform.spawn<Report, Boot>(0), EffectWorker.Spawner, () => life.child)
  )
  const boot: Boot = {
    contract: contract.workerName,
    mirror: life.start,
    ...(affinity === undefined ? {} : { affinity })
  }
  yield* Effect.forkScoped(
    Effect.ignore(
      worker.run((report) => Effect.sync(() => life.take(report)), {
        onSpawn: Effect.suspend(() => {
          life.phase = "init"
          return Effect.ignore(worker.send(boot))
        })
      })
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
  if (placement?._tag === "Degraded")
    yield* Effect.logWarning(`worker ${links.workerId} is ${CpuAffinity.format(placement)}`)
  life.unref()
  return { owner: life.owner, ended: Deferred.await(life.ended), kill: life.kill }
})
