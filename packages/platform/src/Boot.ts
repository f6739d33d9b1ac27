/**
 * What a thread and its parent say to each other through `effect/workers`: only that it starts and
 * how it ended. Everything else goes through shared memory.
 *
 * @since 0.1.0
 */
import type { Links } from "@shared-nothing/core/Workers"

/**
 * From the parent, once the thread listens.
 *
 * @category models
 * @since 0.1.0
 */
export interface Boot {
  readonly contract: string
  readonly links: Links
}

/**
 * From the thread. A panic is an encoded `WorkerPanicked`.
 *
 * @category models
 * @since 0.1.0
 */
export type Report =
  | { readonly _tag: "Ready" }
  | { readonly _tag: "Ended" }
  | { readonly _tag: "Panicked"; readonly error: unknown }
