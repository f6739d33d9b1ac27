/**
 * What a subtask counts, as a schema: it is asked for across threads.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * @category schemas
 * @since 0.1.0
 */
export const SubtaskStats = Schema.Struct({
  chain: Schema.Int,
  /** The names of its stages. */
  name: Schema.String,
  index: Schema.Int,
  /** Elements taken. */
  received: Schema.Number,
  /** Elements handed on, over all outputs. */
  sent: Schema.Number,
  /** Frames that wait for it; 0 for a source. */
  depth: Schema.Number,
  skipped: Schema.Number,
  deadLetters: Schema.Number,
  /** How far event time has come, in milliseconds since the epoch. */
  watermark: Schema.Number,
  /** Milliseconds of plain handling. */
  busyMillis: Schema.Number,
  /** Milliseconds of waiting for room further down: backpressure. */
  blockedMillis: Schema.Number,
  done: Schema.Boolean
})

/**
 * @category models
 * @since 0.1.0
 */
export type SubtaskStats = typeof SubtaskStats.Type
