/**
 * Memory for the `ControlBlock` of a worker's end of a mirror that the owner can look at, also when that end is gone:
 * its own copy is as old as the last bytes that came.
 *
 * @since 0.1.0
 */
import { bytes as controlBytes } from "../../ring/ControlBlock.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface ControlPage {
  readonly memory: ArrayBufferLike
  /** To be called whenever what is in hand has changed. */
  readonly noted: () => void
}

/**
 * @category constants
 * @since 0.1.0
 */
export const bytes = controlBytes
