/**
 * How a panic is made of whatever was thrown.
 *
 * @since 0.1.0
 */
import { WorkerPanicked } from "../errors/Errors.ts"

/** What was thrown, in words: a tagged error without a message by its fields. */
const describe = (cause: unknown): string => {
  if (!(cause instanceof Error)) {
    return typeof cause === "object" && cause !== null ? fieldsOf(cause) : String(cause)
  }
  return cause.message === "" ? `${cause.name} ${fieldsOf(cause)}`.trimEnd() : `${cause.name}: ${cause.message}`
}

const fieldsOf = (value: object): string => {
  try {
    const { _tag, ...fields } = value as Record<string, unknown>
    return Object.keys(fields).length === 0 ? String(_tag ?? "") : JSON.stringify(fields)
  } catch {
    return Object.prototype.toString.call(value)
  }
}

/**
 * Phase of the error of a worker whose contract is another than its pool's; its detail names the parts.
 *
 * @category constants
 * @since 0.1.0
 */
export const mismatchPhase = "contract"

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
        detail: describe(cause),
        ...(key === undefined ? {} : { key }),
        ...(typeof cause === "string" ? {} : { cause })
      })

/**
 * A panic on its way through plain code.
 *
 * @category models
 * @since 0.1.0
 */
export class Panic {
  readonly error: WorkerPanicked
  constructor(error: WorkerPanicked) {
    this.error = error
  }
}
