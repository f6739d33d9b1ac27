/**
 * What a platform needs to run pipelines elsewhere than on fibers.
 *
 * @since 0.1.0
 */
export { Backend } from "./runtime/Backend.ts"
export { make as overWorkers } from "./runtime/overWorkers.ts"
export type { Launch, Running } from "./runtime/Running.ts"
export { SubtaskWorker } from "./runtime/SubtaskWorker.ts"
