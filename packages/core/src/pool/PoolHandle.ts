/**
 * What another thread needs to send to a pool by key, without the pool's own thread in between.
 * Plain data around shared memory: it fits in `workerData`, in `initData` and, through its schema,
 * in a message.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { WaitStrategy } from "../channel/WaitStrategy.ts"
import { SharedMemory } from "../codec/Codec.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface PoolHandle<in M> {
  readonly _tag: "PoolHandle"
  readonly pool: string
  readonly partitioner: string
  /** The `RoutingTable`; absent if the partitioner does not place by hashed key group. */
  readonly routing?: SharedArrayBuffer
  /** The `Refusals`. */
  readonly refusals: SharedArrayBuffer
  /** The mailboxes of all workers that there are or may be. */
  readonly mailboxes: ReadonlyArray<{ readonly worker: string; readonly memory: SharedArrayBuffer }>
  readonly priorities: number
  readonly wait: WaitStrategy
  readonly "~message"?: (message: M) => void
}

/**
 * The schema of a `PoolHandle`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const PoolHandle = <M>(): Schema.Codec<PoolHandle<M>> =>
  Schema.Struct({
    _tag: Schema.tag("PoolHandle"),
    pool: Schema.String,
    partitioner: Schema.String,
    routing: Schema.optionalKey(SharedMemory),
    refusals: SharedMemory,
    mailboxes: Schema.Array(Schema.Struct({ worker: Schema.String, memory: SharedMemory })),
    priorities: Schema.Int,
    wait: WaitStrategy
  })
