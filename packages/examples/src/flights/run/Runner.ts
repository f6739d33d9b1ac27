/**
 * How the parts of the job are put to work: in one thread, or over a pool of workers.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Groups } from "../Aggregate.ts"
import { type Part, Rejected } from "../input/Columns.ts"
import type { Task } from "../input/Task.ts"
import type { InputError } from "../InputError.ts"
import type { JobOptions } from "../Job.ts"
import type { Progress } from "../report/Progress.ts"

/** What a thread that read a part tells the main thread about it. */
export const PartReport = Schema.Struct({
  /** Rows seen, rejected ones included. */
  rows: Schema.Int,
  lines: Schema.Int,
  accepted: Schema.Int,
  /** Time of the part's first accepted flight, ms since the epoch. */
  firstTime: Schema.optionalKey(Schema.Number),
  rejected: Schema.Array(Rejected)
})
export type PartReport = typeof PartReport.Type

export const reportOf = ({ columns, lines, rejected, rows }: Part): PartReport => ({
  rows,
  lines,
  accepted: columns.rows,
  ...(columns.rows > 0 ? { firstTime: columns.times[0] } : {}),
  rejected
})

export interface Hooks {
  readonly progress: Progress
  /** Called once for every task, in any order. */
  readonly onPart: (task: number, report: PartReport) => Effect.Effect<void>
}

export interface Outcome {
  /** The groups of each worker; no key is in two. */
  readonly groups: ReadonlyArray<Groups>
  /** Batches that each worker got. */
  readonly messages: ReadonlyArray<number>
}

/** Runs the job; `plan` gives the tasks, while workers start. */
export type Runner = (
  plan: Effect.Effect<ReadonlyArray<Task>, InputError>,
  options: JobOptions,
  hooks: Hooks
) => Effect.Effect<Outcome, InputError>
