/**
 * The job: reads flights, groups them by key and window, and gives the results with what it cost.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Airports } from "./airports.ts"
import * as Input from "./input/Input.ts"
import { sizeOf } from "./input/Task.ts"
import type { JobOptions } from "./Job.ts"
import type { Progress } from "./report/Progress.ts"
import * as RejectedFile from "./report/RejectedFile.ts"
import type { PartReport } from "./pipeline/Messages.ts"
import { dayOf, type Results, resultsOf } from "./Results.ts"
import type { Runner } from "./run/Runner.ts"

export interface Report {
  readonly results: Results
  /** Those that keys name. */
  readonly airports: Airports
  readonly rows: number
  readonly seconds: number
  /** Batches that each worker got. */
  readonly messages: ReadonlyArray<number>
  readonly rejected: RejectedFile.RejectedFile
}

export const run = Effect.fnUntraced(function* (options: JobOptions, runner: Runner, progress: Progress) {
  const started = yield* Clock.currentTimeMillis
  const rejected = yield* RejectedFile.make(options.input)
  const plan = Effect.tap(Effect.scoped(Input.plan(options.input)), (tasks) =>
    Effect.sync(() => {
      progress.total = tasks.reduce((sum, task) => sum + sizeOf(task), 0) * (options.passes ?? 1)
    })
  )
  let rows = 0
  let firstTask = Infinity
  let firstTime: number | undefined
  const onPart = (report: PartReport): Effect.Effect<void> => {
    rows += report.rows
    if (report.firstTime !== undefined && report.task < firstTask) {
      firstTask = report.task
      firstTime = report.firstTime
    }
    return rejected.add(report)
  }
  const { airports, delays, messages } = yield* runner(plan, options, { progress, onPart })
  const only = options.window === "all" ? dayOf(firstTime ?? 0) : undefined
  const results = resultsOf(delays, only)
  const seconds = ((yield* Clock.currentTimeMillis) - started) / 1000
  const report: Report = { results, airports, rows, seconds, messages, rejected }
  return report
})
