/**
 * Rival: piscina.
 *
 * @since 0.1.0
 */
import { Piscina } from "piscina"
import { fileURLToPath } from "node:url"
import { type Open, subject } from "./Subject.ts"
import { openTasks } from "./Tasks.ts"

const named = { ask: { name: "ask" }, take: { name: "take" }, thread: { name: "thread" } }

const open: Open = async (args) => {
  const { workers } = args
  const pool = new Piscina({
    filename: fileURLToPath(new URL("./tasks.worker.ts", import.meta.url)),
    minThreads: workers,
    maxThreads: workers,
    // The default, 1, makes a thread wait for its next task; more than some 16 gain nothing.
    concurrentTasksPerWorker: 16
  })
  return openTasks(
    {
      ask: (message) => pool.run(message, named.ask),
      take: (batch) => pool.run(batch, named.take),
      thread: () => pool.run(undefined, named.thread),
      close: () => pool.destroy()
    },
    args
  )
}

/**
 * @category running
 * @since 0.1.0
 */
export const run = subject(open)
