/**
 * How the job is run, whatever runs it.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type { Airports } from "../airports.ts"
import type { Task } from "../input/Task.ts"
import type { InputError } from "../InputError.ts"
import type { JobOptions } from "../Job.ts"
import type { KeyDelays, PartReport } from "../pipeline/Messages.ts"
import type { Progress } from "../report/Progress.ts"

export interface Hooks {
  readonly progress: Progress
  /** Called once for every task, in any order. */
  readonly onPart: (report: PartReport) => Effect.Effect<void>
}

export interface Outcome {
  /** The groups of each key, in any order of keys. */
  readonly delays: ReadonlyArray<KeyDelays>
  /** Those that keys name. */
  readonly airports: Airports
  /** Batches that each worker got. */
  readonly messages: ReadonlyArray<number>
}

/** Runs the job; `plan` gives the tasks, while workers start. */
export type Runner = (
  plan: Effect.Effect<ReadonlyArray<Task>, InputError>,
  options: JobOptions,
  hooks: Hooks
) => Effect.Effect<Outcome, InputError, FileSystem.FileSystem>
