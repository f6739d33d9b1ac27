/**
 * What a platform runs in the threads and processes of a pipeline. Apart from `PipelineBackend`, which starts
 * them: a thread imports all that it runs, and half of its start is that.
 *
 * @since 0.1.0
 */
export { findDefinition, layer as layerSubtask, type Load } from "./runtime/SubtaskWorker.ts"
