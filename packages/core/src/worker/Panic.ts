/**
 * How a panic is made of whatever was thrown.
 *
 * @since 0.1.0
 */
import { WorkerPanicked } from "../errors/Errors.ts"

/**
 * @category constructors
 * @since 0.1.0
 */
export const panicked = (worker: string, phase: string, cause: unknown, key?: string): WorkerPanicked =>
  cause instanceof WorkerPanicked
    ? cause
    : new WorkerPanicked({
        worker,
        phase,
        detail: cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause),
        ...(key === undefined ? {} : { key }),
        ...(typeof cause === "string" ? {} : { cause })
      })
