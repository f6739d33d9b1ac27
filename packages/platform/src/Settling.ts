/**
 * What a thread or process does to itself before its worker begins: takes its processor and its
 * priority. What cannot be done is told in words, and the worker runs all the same.
 *
 * @since 0.1.0
 */
import { setPriority } from "node:os"
import type { WorkerConfig } from "@shared-nothing/core/WorkerConfig"
import * as Effect from "effect/Effect"
import * as CpuAffinity from "./CpuAffinity.ts"

/** On Linux 0 names the calling thread; elsewhere niceness is the whole process's. */
const setOwnPriority = (priority: number, thread: boolean): string => {
  if (thread && process.platform !== "linux") return `priority unchanged: threads have none on ${process.platform}`
  try {
    setPriority(0, priority)
    return `priority ${priority}`
  } catch (cause) {
    return `priority unchanged: ${cause instanceof Error ? cause.message : String(cause)}`
  }
}

/**
 * Applies what of a `WorkerConfig` only the thread or process itself can do. The answer describes
 * the outcome; undefined if nothing was asked for.
 *
 * @category constructors
 * @since 0.1.0
 */
export const settle = (
  config: Pick<WorkerConfig, "cpuAffinity" | "priority">,
  index: number,
  thread: boolean
): Effect.Effect<string | undefined> =>
  Effect.gen(function* () {
    const { cpuAffinity, priority } = config
    const outcomes: Array<string> = []
    if (cpuAffinity !== undefined) outcomes.push(CpuAffinity.format(yield* CpuAffinity.pin(cpuAffinity, index)))
    if (priority !== undefined) outcomes.push(setOwnPriority(priority, thread))
    return outcomes.length === 0 ? undefined : outcomes.join(", ")
  })
