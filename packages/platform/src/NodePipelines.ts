/**
 * Pipelines on threads: each subtask in a thread of its own, which imports the module that defines
 * the pipeline.
 *
 * @since 0.1.0
 */
import * as Backend from "@shared-nothing/core/PipelineBackend"
import type { InvalidConfig } from "@shared-nothing/core/Errors"
import * as Layer from "effect/Layer"
import * as NodeWorkers from "./NodeWorkers.ts"

/**
 * Runs the pipelines that `Pipeline.define` made in `module` on threads:
 * `new URL("./delays.ts", import.meta.url)`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerThreads = (module: URL): Layer.Layer<never, InvalidConfig> =>
  Layer.effect(Backend.Backend, Backend.overWorkers(module.href)).pipe(
    Layer.provide(
      NodeWorkers.layerThreads([
        Backend.SubtaskWorker,
        // By the package's own name: the file has another extension once it is compiled.
        new URL(import.meta.resolve("@shared-nothing/platform/PipelineWorker"))
      ])
    )
  ) as Layer.Layer<never, InvalidConfig>
