/**
 * The fresh process of one run: loads one subject's module, runs it once, tells the parent.
 *
 * @since 0.1.0
 */
import { inspect } from "node:util"
import type { Load, Outcome, RunSubject } from "./Suite.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Assignment {
  readonly module: string
  readonly args: Readonly<Record<string, unknown>>
  readonly load: Load
}

/**
 * @category models
 * @since 0.1.0
 */
export type Answer = { readonly outcome: Outcome; readonly peakRssMiB: number } | { readonly failure: string }

const answer = (value: Answer): void => {
  process.send!(value, () => process.exit(0))
}

// A run that nobody waits for any more ends.
process.once("disconnect", () => process.exit(1))

process.once("message", async (assignment: Assignment) => {
  try {
    const { run }: { run: RunSubject } = await import(assignment.module)
    const outcome = await run(assignment.args, assignment.load)
    answer({ outcome, peakRssMiB: process.resourceUsage().maxRSS / 1024 })
  } catch (cause) {
    answer({ failure: inspect(cause) })
  }
})
