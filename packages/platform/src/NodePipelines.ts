/**
 * Pipelines on threads and on processes: each slot of subtasks in one of its own, which imports the module that
 * defines the pipeline.
 *
 * @since 0.1.0
 */
import { fileURLToPath } from "node:url"
import * as Backend from "@shared-nothing/core/PipelineBackend"
import { InvalidConfig } from "@shared-nothing/core/Errors"
import type { Workers } from "@shared-nothing/core/Workers"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Entries from "./Entries.ts"
import * as NodeWorkers from "./NodeWorkers.ts"

/** The module that subtasks load, wherever they run. */
const definitions = (where: string, module: URL): Effect.Effect<string, InvalidConfig> => {
  const found = Entries.fileOf(module)
  return found === undefined
    ? Effect.fail(
        new InvalidConfig({
          option: `${where}.module`,
          value: fileURLToPath(module),
          allowed: "the module that defines the pipelines; there is no file of that name"
        })
      )
    : Effect.succeed(found.href)
}

/** What each of them runs, by the package's own name: the file has another extension once it is compiled. */
const subtask = (): Entries.Entry => [
  Backend.SubtaskWorker,
  new URL(import.meta.resolve("@shared-nothing/platform/PipelineWorker"))
]

/** Imported by those who use them: pipelines on threads start sooner without. */
const processes = Layer.unwrap(
  Effect.map(
    Effect.promise(() => import("./NodeProcesses.ts")),
    (NodeProcesses) => NodeProcesses.layer(subtask())
  )
)

const over = (where: string, module: URL, workers: Layer.Layer<Workers, InvalidConfig>) =>
  Layer.effect(Backend.Backend, Effect.flatMap(definitions(where, module), Backend.overWorkers)).pipe(
    Layer.provide(workers)
  ) as Layer.Layer<never, InvalidConfig>

/**
 * Runs the pipelines that `Pipeline.define` made in `module` on threads:
 * `new URL("./delays.ts", import.meta.url)`. Fails with `InvalidConfig` if there is no such file, neither
 * as it is written nor compiled beside it.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerThreads = (module: URL): Layer.Layer<never, InvalidConfig> =>
  over("NodePipelines.layerThreads", module, NodeWorkers.layerThreads(subtask()))

/**
 * Runs them on child processes, with the same results. A subtask that runs out of memory, crashes in
 * native code or is killed ends alone. Processes share no memory: what goes from one to another goes
 * through the process that runs the pipeline, which copies it. Elements that carry shared memory
 * cannot go there.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerProcesses = (module: URL): Layer.Layer<never, InvalidConfig> =>
  over("NodePipelines.layerProcesses", module, processes)
