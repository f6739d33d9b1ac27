/**
 * What a thread or process and its parent say to each other through `effect/workers`: only that it
 * starts and how it ended. Everything else goes through shared memory, or a mirror of it.
 *
 * @since 0.1.0
 */
import type { MirrorStart } from "@shared-nothing/core/OwnerMirror"
import type { WorkerMirror } from "@shared-nothing/core/WorkerMirror"
import type { Links } from "@shared-nothing/core/Workers"
import type * as Effect from "effect/Effect"
import type { WorkerConfig } from "@shared-nothing/core/WorkerConfig"
import type { Telemetry } from "./Telemetry.ts"

/**
 * From the parent, once the thread or process listens: `links` for a thread, `mirror` for a process.
 *
 * @category models
 * @since 0.1.0
 */
export type Boot = {
  readonly contract: string
  /** What it does to itself; `index` is its number among those of its pool. */
  readonly config: Pick<WorkerConfig, "cpuAffinity" | "priority">
  readonly index: number
  /** Whether its owner wants its spans. */
  readonly traced: boolean
} & ({ readonly links: Links } | { readonly mirror: MirrorStart })

/**
 * From the thread or process. A panic is an encoded `WorkerPanicked`; a process that dies of
 * something else says of what. One that had to look for the files of its imports says where they were, as JSON.
 *
 * @category models
 * @since 0.1.0
 */
export type Report =
  | { readonly _tag: "Ready"; readonly placement: string | undefined }
  | { readonly _tag: "Telemetry"; readonly telemetry: Telemetry }
  | { readonly _tag: "Resolved"; readonly found: string }
  | { readonly _tag: "Ended" }
  | { readonly _tag: "Panicked"; readonly error: unknown }
  | { readonly _tag: "Crashed"; readonly name: string; readonly message: string; readonly stack: string }

/**
 * What a worker has from the thread or process that it runs in.
 *
 * @category models
 * @since 0.1.0
 */
export interface Place {
  readonly links: Links
  /** That of the links, if it is not to be made of them. */
  readonly control?: WorkerMirror["control"]
  /** Ends it, whatever user code left running, once `report` was made and all before it has arrived. */
  readonly leave: (report: () => void) => Effect.Effect<void>
}
