/**
 * What a thread of a pipeline runs: it imports the module that defines the pipeline, and runs the
 * subtask that it is given.
 *
 * @since 0.1.0
 */
import { isMainThread } from "node:worker_threads"
import { PipelineFailed } from "@shared-nothing/core/Pipeline"
import * as Backend from "@shared-nothing/core/PipelineBackend"
import * as Effect from "effect/Effect"
import * as NodeWorkerEntry from "./NodeWorkerEntry.ts"

const load: Backend.Load = (module, name) =>
  Effect.flatMap(
    Effect.tryPromise({
      try: (): Promise<Record<string, unknown>> => import(module),
      catch: (cause) => new PipelineFailed({ worker: name, phase: "import", detail: String(cause), cause })
    }),
    (exports) => Backend.findDefinition(module, name, exports)
  )

// Only a thread has something to run: elsewhere the module is imported to be looked at.
if (!isMainThread) NodeWorkerEntry.launch(Backend.layerSubtask(load))
