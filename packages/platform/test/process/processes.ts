/** Watching processes from outside. */
import { readFileSync } from "node:fs"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"

/** Whether a process is there, and not only as an entry that nobody has collected. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  try {
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))
  } catch {
    return process.platform !== "linux"
  }
}

/** Waits until something holds, for at most 10 seconds. */
export const until = (what: string, done: () => boolean): Effect.Effect<void> => {
  const deadline = performance.now() + 10_000
  const look: Effect.Effect<void> = Effect.suspend(() => {
    if (done()) return Effect.void
    if (performance.now() > deadline) assert.fail(`waited 10 s for ${what}`)
    return Effect.flatMap(Effect.sleep(5), () => look)
  })
  return look
}
