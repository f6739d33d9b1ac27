/**
 * The way from a subtask to one that reads it: a lane to another thread (`Uplink`), or a few places in
 * the same one (`LocalLink`).
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { Frame } from "./Frame.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Link {
  /** Whether somebody takes what is sent, or will. */
  readonly open: boolean
  /** Whether what found no room would find it, or nobody takes it any more. */
  readonly ready: boolean
  /** Waits until it is ready. */
  readonly room: Effect.Effect<void>
  /** Writes as many of the first frames as find room, and takes them out. True if none is left. */
  write(frames: Array<Frame>): boolean
  /** Shows what was written to whoever reads. */
  publish(): void
}
