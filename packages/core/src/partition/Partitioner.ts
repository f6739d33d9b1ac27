/**
 * Partitioners: which worker a key goes to. A partitioner is an immutable value; `assign` checks its
 * options and compiles it for one set of workers.
 *
 * | partitioner | equal keys together | when workers change |
 * |---|---|---|
 * | `hash` | yes | most groups move |
 * | `consistentHash` | yes | about the groups of one worker move for each that joins or leaves |
 * | `weighted` | yes | as above, and a changed weight moves about its difference |
 * | `range` | yes, and neighbours | ranges shift along the workers |
 * | `leastLoaded` | yes | only the groups of workers that left move |
 * | `roundRobin` | no | nothing to move |
 * | `custom` | as its function says | nothing is known to move |
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type { InvalidConfig } from "../errors/Errors.ts"
import type { Assignment, AssignOptions, KeyedAssignment, UnkeyedAssignment } from "./Assignment.ts"
import { noPlace, workerSet } from "./checks.ts"
import * as HashAssignment from "./HashAssignment.ts"
import type { HashKey } from "./KeyHash.ts"
import * as LeastLoaded from "./LeastLoaded.ts"
import * as Range from "./Range.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Partitioner<in K> {
  readonly name: string
  /** Whether keys are placed by key group, so that equal keys meet and state can move. */
  readonly keyed: boolean
  /** Compiles it for a set of workers, named by id. */
  readonly assign: (
    workers: ReadonlyArray<string>,
    options?: AssignOptions
  ) => Result.Result<Assignment<K>, InvalidConfig>
}

/**
 * A partitioner by key group.
 *
 * @category models
 * @since 0.1.0
 */
export interface Keyed<in K> extends Partitioner<K> {
  readonly keyed: true
  readonly assign: (
    workers: ReadonlyArray<string>,
    options?: AssignOptions
  ) => Result.Result<KeyedAssignment<K>, InvalidConfig>
}

/**
 * A partitioner without key groups.
 *
 * @category models
 * @since 0.1.0
 */
export interface Unkeyed<in K> extends Partitioner<K> {
  readonly keyed: false
  readonly assign: (
    workers: ReadonlyArray<string>,
    options?: AssignOptions
  ) => Result.Result<UnkeyedAssignment<K>, InvalidConfig>
}

const keyed = <K>(name: string, assign: Keyed<K>["assign"]): Keyed<K> => ({ name, keyed: true, assign })

/**
 * Evenly by hash: each worker owns as many groups as any other, or one more. The most even, for
 * pools that keep their size.
 *
 * @category constructors
 * @since 0.1.0
 */
export const hash = (): Keyed<HashKey> =>
  keyed("hash", (workers, options) => HashAssignment.even("hash", workers, options))

/**
 * By consistent hash with bounded loads: few groups move when a worker joins or leaves.
 *
 * @category constructors
 * @since 0.1.0
 */
export const consistentHash = (settings?: {
  /** Points of each worker on the ring, 1 to 10,000; more are more even and slower to assign. Default 1024. */
  readonly virtualNodes?: number | undefined
  /** The most groups of a worker over the mean, at least 1; nearer to 1 moves more groups. Default 1.1. */
  readonly loadFactor?: number | undefined
}): Keyed<HashKey> =>
  keyed("consistentHash", (workers, options) =>
    HashAssignment.ring("consistentHash", workers, options, {
      virtualNodes: settings?.virtualNodes ?? HashAssignment.defaultVirtualNodes,
      loadFactor: settings?.loadFactor ?? 1.1
    })
  )

/**
 * By hash, in proportion to weights: by index of the worker, or by its id. A worker of weight 0 gets
 * nothing; one whose share is less than a key group may get nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const weighted = (weights: HashAssignment.Weights): Keyed<HashKey> =>
  keyed("weighted", (workers, options) => HashAssignment.weighted("weighted", workers, options, weights))

/**
 * By range of ordered keys. `Range.fromSample` finds boundaries. A pool whose workers have `state` keeps its size with
 * it: they tell key groups apart by hashes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const range = <K>(options: Range.RangeOptions<K>): Keyed<K> => {
  const settings = { ...options, boundaries: [...options.boundaries] }
  return keyed("range", (workers) => Range.assign("range", workers, settings.boundaries, settings))
}

/**
 * By key group to the worker that is least loaded when the group's first key comes. One assignment
 * must serve all senders.
 *
 * @category constructors
 * @since 0.1.0
 */
export const leastLoaded = (): Keyed<HashKey> =>
  keyed("leastLoaded", (workers, options) => LeastLoaded.assign("leastLoaded", workers, options))

/**
 * One worker after the other, whatever the key. Each assignment keeps its own turn.
 *
 * @category constructors
 * @since 0.1.0
 */
export const roundRobin = (): Unkeyed<unknown> => ({
  name: "roundRobin",
  keyed: false,
  assign: (ids) =>
    Result.map(workerSet(ids), (workers) => {
      let turn = -1
      return {
        partitioner: "roundRobin",
        keyed: false,
        workers,
        workerOf: () => (turn = turn + 1 === workers.length ? 0 : turn + 1)
      }
    })
})

/**
 * By a function of the key and the ids of the workers to the index of one. An answer that is no
 * index, or a throw, is a `PartitionError`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const custom = <K>(name: string, place: (key: K, workers: ReadonlyArray<string>) => number): Unkeyed<K> => ({
  name,
  keyed: false,
  assign: (ids) =>
    Result.map(workerSet(ids), (workers) => ({
      partitioner: name,
      keyed: false,
      workers,
      workerOf: (key: K) => {
        let worker: number
        try {
          worker = place(key, workers)
        } catch (cause) {
          throw noPlace(name, key, "its function threw", cause)
        }
        if (Number.isInteger(worker) && worker >= 0 && worker < workers.length) return worker
        throw noPlace(name, key, `its function answered ${String(worker)}, not an index below ${workers.length}`)
      }
    }))
})
