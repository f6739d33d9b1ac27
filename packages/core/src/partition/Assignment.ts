/**
 * A partitioner compiled for one set of workers: what a sender asks, message by message, where to
 * send. Workers are named by id and answered by index in the set.
 *
 * A keyed assignment goes through key groups, so the difference between two of them is a list of
 * groups to move. An unkeyed one has nothing to move and promises nothing about a key's next place.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type { InvalidConfig } from "../errors/Errors.ts"
import { invalid } from "./checks.ts"

interface Base<in K> {
  /** Name of the partitioner. */
  readonly partitioner: string
  /** Ids of the workers, in the order of their indexes. */
  readonly workers: ReadonlyArray<string>
  /**
   * Index of the worker for a key. Synchronous and, but for a first failure, without allocation.
   * **Throws** `PartitionError` for a key without a place.
   */
  readonly workerOf: (key: K) => number
}

/**
 * An assignment by key group: equal keys go to the same worker.
 *
 * @category models
 * @since 0.1.0
 */
export interface KeyedAssignment<in K> extends Base<K> {
  readonly keyed: true
  /** Number of key groups. */
  readonly groups: number
  /** Assignments with the same grouping, by `===`, put each key in the same group. */
  readonly grouping: unknown
  /** Group of a key. **Throws** `PartitionError` for a key without a place. */
  readonly groupOf: (key: K) => number
  /** Index of the worker that owns a group; -1 while nobody does. */
  readonly workerOfGroup: (group: number) => number
}

/**
 * An assignment that remembers no key.
 *
 * @category models
 * @since 0.1.0
 */
export interface UnkeyedAssignment<in K> extends Base<K> {
  readonly keyed: false
}

/**
 * @category models
 * @since 0.1.0
 */
export type Assignment<K> = KeyedAssignment<K> | UnkeyedAssignment<K>

/**
 * What the owner of the workers knows when it assigns. Partitioners take what they need of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface AssignOptions {
  /** Key groups of the pool, a power of two from 1 to 65,536; default 4096. */
  readonly groups?: number | undefined
  /** Load of the worker at an index, in any unit, for `leastLoaded`; default the key groups it owns. */
  readonly load?: ((worker: number) => number) | undefined
  /** The assignment that this one succeeds; `leastLoaded` keeps its groups where they are. */
  readonly previous?: KeyedAssignment<never> | undefined
}

/**
 * A key group that changes hands.
 *
 * @category models
 * @since 0.1.0
 */
export interface Move {
  readonly group: number
  /** Id of the worker that owns the group before. */
  readonly from: string
  /** Id of the worker that owns it after. */
  readonly to: string
}

/**
 * The key groups that change hands from one set of workers to another, ascending. Groups that
 * nobody owns on one side have no state to move and are left out. Fails where the two put keys
 * into different groups.
 *
 * @category combinators
 * @since 0.1.0
 */
export const moves = (
  before: KeyedAssignment<never>,
  after: KeyedAssignment<never>
): Result.Result<ReadonlyArray<Move>, InvalidConfig> => {
  if (before.grouping !== after.grouping) {
    return invalid("groups", after.groups, `the same key groups as before (${before.partitioner}, ${before.groups})`)
  }
  const out: Array<Move> = []
  for (let group = 0; group < before.groups; group++) {
    const source = before.workerOfGroup(group)
    const target = after.workerOfGroup(group)
    if (source < 0 || target < 0) continue
    const from = before.workers[source]
    const to = after.workers[target]
    if (from !== to) out.push({ group, from, to })
  }
  return Result.succeed(out)
}
