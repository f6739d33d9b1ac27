/**
 * Rival: poolifier, a fixed pool of threads. It posts tasks at once and chooses the least used worker.
 *
 * @since 0.1.0
 */
import { FixedThreadPool } from "poolifier"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { type Open, subject } from "./Subject.ts"
import { openTasks } from "./Tasks.ts"

const open: Open = async (args) => {
  const { workers } = args
  const pool = new FixedThreadPool<unknown, unknown>(
    workers,
    fileURLToPath(new URL("./poolifier.worker.ts", import.meta.url))
  )
  // Its type has one response for all functions.
  const execute = pool.execute.bind(pool) as <A>(data: unknown, name: string) => Promise<A>
  return openTasks(
    {
      ask: (message) => execute(message, "ask"),
      take: (batch) => execute(batch, "take"),
      thread: () => execute(undefined, "thread"),
      // Now and then `destroy` never settles, though both threads have ended.
      close: () => Promise.race([pool.destroy(), sleep(1000)])
    },
    args
  )
}

/**
 * @category running
 * @since 0.1.0
 */
export const run = subject(open)
