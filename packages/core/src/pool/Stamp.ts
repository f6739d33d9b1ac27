/**
 * What goes with messages.
 *
 * @since 0.1.0
 */

/**
 * What messages carry beside their payload.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stamp {
  readonly priority: number
  /** An encoded `CallerContext`. */
  readonly context: string | undefined
  /** Milliseconds that each may take to handle; 0 if that is for the pool to say. */
  readonly allowed: number
}
