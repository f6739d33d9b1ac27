/**
 * Least loaded, by key: a key group goes to the worker with the least load when its first key comes,
 * and stays there.
 *
 * The assignment learns as it answers, so every sender must ask the same one. Equal loads go to the
 * worker with the fewest groups, then to the first.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type { InvalidConfig } from "../errors/Errors.ts"
import type { AssignOptions, KeyedAssignment } from "./Assignment.ts"
import { invalid } from "./checks.ts"
import { groupOf, shape } from "./HashAssignment.ts"
import type { HashKey } from "./KeyHash.ts"

const nobody = -1

class LeastLoadedAssignment implements KeyedAssignment<HashKey> {
  readonly keyed = true
  readonly partitioner: string
  readonly workers: ReadonlyArray<string>
  readonly groups: number
  readonly grouping: number
  readonly #table: Int32Array
  readonly #owned: Int32Array
  readonly #load: ((worker: number) => number) | undefined

  constructor(
    partitioner: string,
    workers: ReadonlyArray<string>,
    groups: number,
    load: ((worker: number) => number) | undefined
  ) {
    this.partitioner = partitioner
    this.workers = workers
    this.groups = groups
    this.grouping = groups
    this.#table = new Int32Array(groups).fill(nobody)
    this.#owned = new Int32Array(workers.length)
    this.#load = load
  }

  groupOf(key: HashKey): number {
    return groupOf(this.partitioner, key, this.groups)
  }

  workerOfGroup(group: number): number {
    return this.#table[group]
  }

  workerOf(key: HashKey): number {
    const group = groupOf(this.partitioner, key, this.groups)
    const worker = this.#table[group]
    return worker === nobody ? this.#give(group, this.#leastLoaded()) : worker
  }

  /** Groups of workers that stay, stay; those of workers that left spread over who owns fewest. */
  succeed(previous: KeyedAssignment<never>): void {
    const indexOf = new Map(this.workers.map((id, index) => [id, index]))
    const orphans: Array<number> = []
    for (let group = 0; group < this.groups; group++) {
      const before = previous.workerOfGroup(group)
      if (before === nobody) continue
      const now = indexOf.get(previous.workers[before])
      if (now === undefined) orphans.push(group)
      else this.#give(group, now)
    }
    // Not by load: it would not move between two of these, and all would land on one worker.
    for (const group of orphans) this.#give(group, this.#fewestGroups())
  }

  #give(group: number, worker: number): number {
    this.#table[group] = worker
    this.#owned[worker]++
    return worker
  }

  #leastLoaded(): number {
    const load = this.#load
    if (load === undefined) return this.#fewestGroups()
    let best = 0
    let least = load(0)
    for (let worker = 1; worker < this.workers.length; worker++) {
      const current = load(worker)
      if (current < least || (current === least && this.#owned[worker] < this.#owned[best])) {
        best = worker
        least = current
      }
    }
    return best
  }

  #fewestGroups(): number {
    let best = 0
    for (let worker = 1; worker < this.workers.length; worker++) {
      if (this.#owned[worker] < this.#owned[best]) best = worker
    }
    return best
  }
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const assign = (
  name: string,
  ids: ReadonlyArray<string>,
  options: AssignOptions | undefined
): Result.Result<KeyedAssignment<HashKey>, InvalidConfig> =>
  Result.flatMap(shape(ids, options), ({ groups, workers }) => {
    const assignment = new LeastLoadedAssignment(name, workers, groups, options?.load)
    const previous = options?.previous
    if (previous !== undefined) {
      if (previous.grouping !== groups) {
        return invalid("groups", groups, `the key groups of the previous assignment (${previous.groups}, by hash)`)
      }
      assignment.succeed(previous)
    }
    return Result.succeed(assignment)
  })
