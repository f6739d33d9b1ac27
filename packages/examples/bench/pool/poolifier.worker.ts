/**
 * The worker of `poolifier.ts`.
 *
 * @since 0.1.0
 */
import { ThreadWorker } from "poolifier"
import * as Tasks from "./Tasks.ts"

export default new ThreadWorker<unknown, unknown>({
  ask: (message) => Tasks.ask(message as Parameters<typeof Tasks.ask>[0]),
  take: (batch) => Tasks.take(batch as Tasks.Batch),
  thread: () => Tasks.thread()
})
