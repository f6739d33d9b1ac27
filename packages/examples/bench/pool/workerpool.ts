/**
 * Rival: workerpool, on threads.
 *
 * @since 0.1.0
 */
import { fileURLToPath } from "node:url"
import { pool as makePool } from "workerpool"
import { type Open, subject } from "./Subject.ts"
import { openTasks } from "./Tasks.ts"

const open: Open = async (args) => {
  const { workers } = args
  const pool = makePool(fileURLToPath(new URL("./workerpool.worker.ts", import.meta.url)), {
    workerType: "thread",
    minWorkers: workers,
    maxWorkers: workers
  })
  // Its promises are its own kind.
  const exec = async <A>(method: string, args: ReadonlyArray<unknown>): Promise<A> =>
    (await pool.exec(method, [...args])) as A
  return openTasks(
    {
      ask: (message) => exec("ask", [message]),
      take: (batch) => exec("take", [batch]),
      thread: () => exec("thread", []),
      close: async () => pool.terminate()
    },
    args
  )
}

/**
 * @category running
 * @since 0.1.0
 */
export const run = subject(open)
