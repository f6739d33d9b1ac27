/**
 * What a stage becomes when it runs: an object that is given batches and watermarks, and puts what
 * comes out into collectors. Whoever drives it takes that along after each call.
 *
 * Calls are synchronous unless they return an Effect; then nothing else is called until it is done.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { HashKey } from "../partition/KeyHash.ts"
import { type DeadLetter, detailOf, PipelineFailed, show } from "./PipelineFailed.ts"

/**
 * Nothing, or what has to run before the next call.
 *
 * @category models
 * @since 0.1.0
 */
export type Work = Effect.Effect<void, PipelineFailed> | undefined

/**
 * What a stage does with an element that it cannot handle: `fail` the pipeline, `skip` it, or send
 * it to the side output `deadLetter`.
 *
 * @category models
 * @since 0.1.0
 */
export type OnError = "fail" | "skip" | "deadLetter"

/**
 * The time of an element that has none.
 *
 * @category constants
 * @since 0.1.0
 */
export const noTime = -Infinity

/**
 * Values with their event times in milliseconds since the epoch, and how far event time has come.
 *
 * @category models
 * @since 0.1.0
 */
export class Collector {
  values: Array<unknown> = []
  times: Array<number> = []
  /** No element to come is of this time or before, but for late ones. */
  watermark = -Infinity

  emit(value: unknown, time: number): void {
    this.values.push(value)
    this.times.push(time)
  }

  clear(): void {
    this.values = []
    this.times = []
  }
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Operator {
  onBatch(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>, port: number): Work
  /** Event time has come to `time` on all inputs; `Infinity` is the end. Sets the watermark of its output. */
  onWatermark(time: number): Work
  /** All of one input has come. */
  onInputEnd?(port: number): Work
  /** Processing time has come to `due`. */
  onClock?(now: number): Work
  /** The processing time in milliseconds at which it wants to be called; `Infinity` if it does not. */
  readonly due?: number
  /** Its state as plain data, which may share with the state itself; absent if it has none, or cannot tell. */
  snapshot?(): unknown
  /** Begins with what `snapshot` of a predecessor gave, before anything else is called. */
  restore?(state: never): void
}

/**
 * What an operator has from whoever drives it.
 *
 * @category models
 * @since 0.1.0
 */
export interface OperatorContext {
  readonly stage: string
  readonly out: Collector
  readonly faults: Faults
  /** The collector of a side output. */
  readonly side: (name: string) => Collector
  /** The key of an element of the input of that number; throws what the key function throws. */
  readonly keyOf: (port: number) => (element: unknown) => HashKey
  /** Processing time, in milliseconds since the epoch. */
  readonly now: () => number
  /** Waits for so many milliseconds of processing time. */
  readonly sleep: (millis: number) => Effect.Effect<void>
  readonly index: number
  readonly parallelism: number
  readonly scope: Scope.Scope
  readonly context: Context.Context<never>
  /** Says that this operator's input is idle, or is no longer. */
  readonly idle: (idle: boolean) => void
}

/**
 * What becomes of an element that a stage could not handle.
 *
 * @category models
 * @since 0.1.0
 */
export class Faults {
  readonly stage: string
  readonly policy: OnError
  /** How often an element is tried again before the policy applies. */
  readonly retries: number
  skipped = 0
  dead = 0
  private readonly letters: () => Collector

  constructor(stage: string, policy: OnError, retries: number, letters: () => Collector) {
    this.stage = stage
    this.policy = policy
    this.retries = retries
    this.letters = letters
  }

  /** Skips the element, or makes it a dead letter, or throws the `PipelineFailed`. */
  handle(phase: string, cause: unknown, element: unknown, time: number): void {
    if (this.policy === "fail") throw this.failure(phase, cause, element)
    if (this.policy === "skip") {
      this.skipped++
      return
    }
    this.dead++
    const letter: DeadLetter = { stage: this.stage, phase, element: show(element), detail: detailOf(cause) }
    this.letters().emit(letter, time)
  }

  failure(phase: string, cause: unknown, element?: unknown): PipelineFailed {
    if (cause instanceof PipelineFailed) return cause
    return new PipelineFailed({
      worker: this.stage,
      phase,
      detail: detailOf(cause),
      ...(element === undefined ? {} : { element: show(element) }),
      cause
    })
  }
}
