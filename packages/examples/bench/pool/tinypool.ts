/**
 * Rival: tinypool.
 *
 * @since 0.1.0
 */
import { Tinypool } from "tinypool"
import { type Open, subject } from "./Subject.ts"
import { openTasks } from "./Tasks.ts"

const named = { ask: { name: "ask" }, take: { name: "take" }, thread: { name: "thread" } }

const open: Open = async (args) => {
  const { workers } = args
  const pool = new Tinypool({
    filename: new URL("./tasks.worker.ts", import.meta.url).href,
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
