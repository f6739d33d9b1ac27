/**
 * What a thread or process of a pipeline runs: it imports the module that defines the pipeline, and runs the
 * subtask that it is given.
 *
 * @since 0.1.0
 */
import { isMainThread } from "node:worker_threads"
import { PipelineFailed } from "@shared-nothing/core/Pipeline"
import * as Subtask from "@shared-nothing/core/PipelineSubtask"
import * as Effect from "effect/Effect"
import * as NodeWorkerEntry from "./NodeWorkerEntry.ts"

const load: Subtask.Load = (module, name) =>
  Effect.flatMap(
    Effect.tryPromise({
      try: (): Promise<Record<string, unknown>> => import(module),
      catch: (cause) => new PipelineFailed({ worker: name, phase: "import", detail: String(cause), cause })
    }),
    (exports) => Subtask.findDefinition(module, name, exports)
  )

// Only a thread, or a process that was started with it, has something to run: elsewhere the module is imported to
// be looked at.
if (!isMainThread || process.argv[1] === import.meta.url) NodeWorkerEntry.launch(Subtask.layerSubtask(load))
