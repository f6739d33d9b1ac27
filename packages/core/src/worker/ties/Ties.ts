/**
 * What ties a worker to other workers directly, lane to lane, beside what ties it to its owner
 * (`Links`). A worker is given its ties in the argument of its `init`.
 *
 * On a thread they are memory that it shares with the others. A process shares none: there they are
 * mirrors (`TiesMirror`) of memory that its owner keeps, so a frame from process to process goes
 * through the owner, which copies it and decodes nothing. The worker itself cannot tell.
 *
 * That an end was closed is not mirrored: whoever makes ties ends them, and ends the workers first.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { ReceiverHandle, SenderHandle } from "../../channel/Handle.ts"
import { LedgerHandle } from "./Ledger.ts"

/**
 * The schema of ties whose channels take messages of type `A`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Ties = <A>() =>
  Schema.Struct({
    _tag: Schema.tag("Ties"),
    /** Where others send to it; null if nobody does. Of one receiver. */
    mailbox: Schema.NullOr(ReceiverHandle<A>()),
    /** Where it sends, in groups; of one receiver each. A slot below 0 leads nowhere. */
    outlets: Schema.Array(Schema.Array(SenderHandle<A>())),
    /** What outlives it; null if nobody follows it. */
    ledger: Schema.NullOr(LedgerHandle)
  })

/**
 * @category models
 * @since 0.1.0
 */
export interface Ties<in out A> {
  readonly _tag: "Ties"
  readonly mailbox: ReceiverHandle<A> | null
  readonly outlets: ReadonlyArray<ReadonlyArray<SenderHandle<A>>>
  readonly ledger: LedgerHandle | null
}

/**
 * All ties in an argument of `init`, however deep in its structs and arrays.
 *
 * @category accessors
 * @since 0.1.0
 */
export const find = (init: unknown): ReadonlyArray<Ties<unknown>> => {
  if (typeof init !== "object" || init === null || ArrayBuffer.isView(init)) return []
  const { _tag } = init as { readonly _tag?: unknown }
  return _tag === "Ties" ? [init as Ties<unknown>] : Object.values(init).flatMap(find)
}

/**
 * All memory that ties mention.
 *
 * @category accessors
 * @since 0.1.0
 */
export const memories = (ties: ReadonlyArray<Ties<unknown>>): ReadonlySet<ArrayBufferLike> =>
  new Set(
    ties.flatMap(({ ledger, mailbox, outlets }) => [
      ...(mailbox === null ? [] : [mailbox.memory]),
      ...outlets.flat().map(({ memory }) => memory),
      ...(ledger === null ? [] : [ledger.slips, ledger.even, ledger.odd])
    ])
  )
