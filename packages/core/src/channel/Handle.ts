/**
 * What travels to another thread so that it can attach one half of a channel: plain data around
 * the shared memory, so it fits in `workerData`, in a `postMessage` and, through its schema, in the
 * messages of another channel.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { SharedMemory } from "../codec/Codec.ts"
import { AckPolicy } from "./ChannelOptions.ts"
import { WaitStrategy } from "./WaitStrategy.ts"

const fields = {
  channel: Schema.String,
  memory: SharedMemory,
  /** The endpoint that was reserved for this handle. */
  slot: Schema.Int,
  wait: WaitStrategy
}

/**
 * A place for one sender of messages of type `A`.
 *
 * @category models
 * @since 0.1.0
 */
export interface SenderHandle<in A> {
  readonly _tag: "SenderHandle"
  readonly channel: string
  readonly memory: SharedArrayBuffer
  readonly slot: number
  readonly wait: WaitStrategy
  readonly unbounded: boolean
  readonly "~message"?: (message: A) => void
}

/**
 * A place for one receiver of messages of type `A`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReceiverHandle<out A> {
  readonly _tag: "ReceiverHandle"
  readonly channel: string
  readonly memory: SharedArrayBuffer
  readonly slot: number
  readonly wait: WaitStrategy
  readonly ack: AckPolicy
  readonly "~message"?: A
}

/**
 * A handle of either half, where the type of its messages does not matter.
 *
 * @category models
 * @since 0.1.0
 */
export type AnyHandle = SenderHandle<never> | ReceiverHandle<unknown>

/**
 * The schema of a `SenderHandle`, for messages that carry one. `A` is the type of the messages
 * that its channel takes; both ends compare the channel's own schema when they attach.
 *
 * @category schemas
 * @since 0.1.0
 */
export const SenderHandle = <A>(): Schema.Codec<SenderHandle<A>> =>
  Schema.Struct({ _tag: Schema.tag("SenderHandle"), ...fields, unbounded: Schema.Boolean })

/**
 * The schema of a `ReceiverHandle`, for messages that carry one.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ReceiverHandle = <A>(): Schema.Codec<ReceiverHandle<A>> =>
  Schema.Struct({ _tag: Schema.tag("ReceiverHandle"), ...fields, ack: AckPolicy })
