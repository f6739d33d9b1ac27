/**
 * An assignment of which some key groups are elsewhere.
 *
 * @since 0.1.0
 */
import type { KeyedAssignment } from "./Assignment.ts"

class Detour<in K> implements KeyedAssignment<K> {
  readonly keyed = true
  readonly partitioner: string
  readonly workers: ReadonlyArray<string>
  readonly groups: number
  readonly grouping: unknown
  private readonly base: KeyedAssignment<K>
  /** The index of the worker of each group that is elsewhere, -1 for the others. */
  private readonly elsewhere: Int32Array

  constructor(base: KeyedAssignment<K>, elsewhere: ReadonlyMap<number, number>) {
    this.partitioner = base.partitioner
    this.workers = base.workers
    this.groups = base.groups
    this.grouping = base.grouping
    this.base = base
    this.elsewhere = new Int32Array(base.groups).fill(-1)
    for (const [group, worker] of elsewhere) this.elsewhere[group] = worker
  }

  readonly groupOf = (key: K): number => this.base.groupOf(key)

  readonly workerOfGroup = (group: number): number => {
    const worker = this.elsewhere[group]
    return worker < 0 ? this.base.workerOfGroup(group) : worker
  }

  readonly workerOf = (key: K): number => {
    const worker = this.elsewhere[this.base.groupOf(key)]
    return worker < 0 ? this.base.workerOf(key) : worker
  }
}

/**
 * The same assignment but for these key groups, which are with the workers at these indexes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <K>(base: KeyedAssignment<K>, elsewhere: ReadonlyMap<number, number>): KeyedAssignment<K> =>
  elsewhere.size === 0 ? base : new Detour(base, elsewhere)
