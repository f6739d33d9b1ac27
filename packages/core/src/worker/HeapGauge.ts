/**
 * How a worker learns how full its heap is: the platform that it runs on measures, and says so when
 * there is something new to say.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"

/**
 * In bytes.
 *
 * @category models
 * @since 0.1.0
 */
export interface HeapUse {
  /** What lives in the heap, garbage not counted as far as that can be told. */
  readonly used: number
  /** What is beside the heap and held by it: array buffers. */
  readonly buffers: number
  /** What the heap may have. */
  readonly limit: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface HeapGauge {
  /** Tells of the heap of the current thread whenever it was cleaned, until the returned function is called. */
  readonly watch: (onMeasured: (use: HeapUse) => void) => () => void
}

/**
 * Undefined where a worker has no heap of its own, as on fibers.
 *
 * @category services
 * @since 0.1.0
 */
export const HeapGauge: Context.Reference<HeapGauge | undefined> = Context.Reference<HeapGauge | undefined>(
  "shared-nothing/worker/HeapGauge",
  { defaultValue: () => undefined }
)
