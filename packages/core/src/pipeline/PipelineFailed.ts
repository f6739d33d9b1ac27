/**
 * What a pipeline can fail with: the stage, what it was doing, and the element in hand. It is the
 * `WorkerPanicked` of a stage, with what only a stage knows; a schema, so it crosses threads.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { WorkerPanicked } from "../errors/Errors.ts"

/**
 * A stage failed, or the place where it ran did. Its tag is `WorkerPanicked`, and `worker` is the name
 * of the stage; of the chain, if it cannot be told which of its stages.
 *
 * `phase` is one of `element`, `timer`, `window`, `time`, `stream`, `source`, `start`, `import`, `run`.
 *
 * @category errors
 * @since 0.1.0
 */
export class PipelineFailed extends WorkerPanicked.extend<PipelineFailed>("PipelineFailed")({
  /** The element in hand, shown as text. */
  element: Schema.optionalKey(Schema.String)
}) {
  /** Name of the stage. */
  get stage(): string {
    return this.worker
  }
  override get message(): string {
    const element = this.element === undefined ? "" : ` (element ${this.element})`
    return `stage ${this.stage} failed in ${this.phase}${element}: ${this.detail}`
  }
}

/**
 * An element that a stage of policy `deadLetter` could not handle.
 *
 * @category schemas
 * @since 0.1.0
 */
export const DeadLetter = Schema.Struct({
  stage: Schema.String,
  phase: Schema.String,
  /** The element, shown as text. */
  element: Schema.String,
  detail: Schema.String
})

/**
 * @category models
 * @since 0.1.0
 */
export type DeadLetter = typeof DeadLetter.Type

const longest = 500

/** An element as text, for errors and dead letters. */
export const show = (element: unknown): string => {
  let text: string | undefined
  try {
    text = JSON.stringify(element, (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : value))
  } catch {
    text = undefined
  }
  text ??= String(element)
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}

/** What was thrown, in words: what has no message by its fields. */
export const detailOf = (cause: unknown): string => {
  if (typeof cause !== "object" || cause === null) return String(cause)
  if (!(cause instanceof Error)) return show(cause)
  return cause.message === "" ? `${cause.name}: ${show({ ...cause })}` : `${cause.name}: ${cause.message}`
}

/** What was thrown in a stage, or in the place where it ran, as its failure. */
export const toFailed =
  (stage: string) =>
  (cause: unknown): PipelineFailed =>
    cause instanceof PipelineFailed
      ? cause
      : new PipelineFailed({ worker: stage, phase: "run", detail: detailOf(cause), cause })
