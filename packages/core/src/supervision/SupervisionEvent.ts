/**
 * What happened to workers and messages, as a supervised pool tells it.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type { WorkerPanicked } from "../errors/Errors.ts"
import type { Key } from "../worker/Worker.ts"

/**
 * - `Failed`: a worker panicked, or did not start
 * - `Restarting`: it will be replaced in so many milliseconds
 * - `Restarted`: its successor is ready, so many milliseconds after the death was noticed
 * - `GaveUp`: it will not be replaced
 * - `FailedOver` and `FailedBack`: key groups went to other workers, and came back; `group` if it was one, because of its
 *   circuit
 * - `CircuitOpened`, `CircuitHalfOpened`, `CircuitClosed`: of a worker, or of one of its key groups
 * - `Escalated`: the whole failed
 * - `Retrying`: a message failed and will be tried again in so many milliseconds; `key` is the message's, and absent for a
 *   batch of several
 * - `DeadLettered`: a message was given up after so many attempts; `key` is absent if it could not be computed
 * - `Overdue`: a message was in hand for longer than its deadline
 * - `Recycled`: a worker that had handled its messages, or filled its heap, was replaced in so many milliseconds
 *
 * @category models
 * @since 0.1.0
 */
export type SupervisionEvent = Data.TaggedEnum<{
  Failed: { readonly worker: string; readonly error: WorkerPanicked }
  Restarting: { readonly worker: string; readonly delayMillis: number }
  Restarted: { readonly worker: string; readonly millis: number }
  GaveUp: { readonly worker: string; readonly error: WorkerPanicked }
  FailedOver: { readonly worker: string; readonly groups: number; readonly group?: number | undefined }
  FailedBack: { readonly worker: string; readonly groups: number; readonly group?: number | undefined }
  CircuitOpened: {
    readonly worker: string
    readonly group: number | undefined
    readonly retryAfterMillis: number
  }
  CircuitHalfOpened: { readonly worker: string; readonly group: number | undefined }
  CircuitClosed: { readonly worker: string; readonly group: number | undefined }
  Escalated: { readonly error: WorkerPanicked }
  Retrying: {
    readonly worker: string
    readonly key?: Key | undefined
    readonly attempts: number
    readonly delayMillis: number
    readonly error: WorkerPanicked
  }
  DeadLettered: { readonly worker: string; readonly key?: Key | undefined; readonly attempts: number }
  Overdue: { readonly worker: string; readonly millis: number }
  Recycled: { readonly worker: string; readonly because: "messages" | "heap"; readonly millis: number }
}>

/**
 * @category constructors
 * @since 0.1.0
 */
export const SupervisionEvent = Data.taggedEnum<SupervisionEvent>()

/**
 * How often each kind of event happened.
 *
 * @category models
 * @since 0.1.0
 */
export type SupervisionCounts = Readonly<Record<SupervisionEvent["_tag"], number>>
