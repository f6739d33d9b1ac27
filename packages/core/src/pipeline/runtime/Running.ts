/**
 * What a backend is asked to run, and what it gives.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Pull from "effect/Pull"
import type { Supervision } from "../../supervision/Supervision.ts"
import type { Plan } from "../plan/Plan.ts"
import type { SubtaskStats } from "./SubtaskStats.ts"

/**
 * A pipeline that runs, until the scope closes that it was started in.
 *
 * @category models
 * @since 0.1.0
 */
export interface Running {
  /** The next elements of its output. Fails with what the pipeline fails with, that of its source included. */
  readonly pull: Pull.Pull<readonly [unknown, ...Array<unknown>], unknown>
  readonly stats: Effect.Effect<ReadonlyArray<SubtaskStats>>
}

/**
 * Where other threads find the pipeline: see `Pipeline.define`.
 *
 * @category models
 * @since 0.1.0
 */
export interface DefinedAs {
  readonly name: string
  /** The arguments it was made with, encoded. */
  readonly args: Uint8Array
  /** What its stages need, where they run beside their caller. */
  readonly layer: Layer.Layer<never, unknown>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Launch {
  readonly plan: Plan
  /** Undefined for a pipeline that was put together where it runs. */
  readonly definedAs: DefinedAs | undefined
  /** What is done about subtasks that die; undefined: the pipeline fails. */
  readonly supervision: Supervision | undefined
}
