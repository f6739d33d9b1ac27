/**
 * The assignments by hash: a key's hash names its group, and a table, computed once for a set of
 * workers, the group's worker. `hash`, `consistentHash` and `weighted` differ in the table alone.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type { InvalidConfig } from "../errors/Errors.ts"
import type { AssignOptions, KeyedAssignment } from "./Assignment.ts"
import { invalid, noPlace, workerSet } from "./checks.ts"
import * as HashRing from "./HashRing.ts"
import * as KeyGroup from "./KeyGroup.ts"
import * as KeyHash from "./KeyHash.ts"

/** Group of a hashable key among a power of two. **Throws** `PartitionError` for anything else. */
export const groupOf = (partitioner: string, key: KeyHash.HashKey, count: number): number => {
  if (typeof key === "string") return KeyGroup.of(KeyHash.string(key), count)
  if (typeof key === "number" && !Number.isNaN(key)) return KeyGroup.of(KeyHash.number(key), count)
  if (typeof key === "bigint") return KeyGroup.of(KeyHash.bigint(key), count)
  throw noPlace(partitioner, key, "a key is a string, a number other than NaN, or a bigint")
}

class HashAssignment implements KeyedAssignment<KeyHash.HashKey> {
  readonly keyed = true
  readonly partitioner: string
  readonly workers: ReadonlyArray<string>
  readonly groups: number
  readonly grouping: number
  readonly #table: Int32Array

  constructor(partitioner: string, workers: ReadonlyArray<string>, table: Int32Array) {
    this.partitioner = partitioner
    this.workers = workers
    this.groups = table.length
    this.grouping = table.length
    this.#table = table
  }

  groupOf(key: KeyHash.HashKey): number {
    return groupOf(this.partitioner, key, this.groups)
  }

  workerOfGroup(group: number): number {
    return this.#table[group]
  }

  workerOf(key: KeyHash.HashKey): number {
    return this.#table[groupOf(this.partitioner, key, this.groups)]
  }
}

/** Checks what every assignment by key groups takes: the set of workers and the number of groups. */
export const shape = (
  workers: ReadonlyArray<string>,
  options: AssignOptions | undefined
): Result.Result<{ readonly workers: ReadonlyArray<string>; readonly groups: number }, InvalidConfig> =>
  Result.flatMap(workerSet(workers), (workers) =>
    Result.map(KeyGroup.validate(options?.groups ?? KeyGroup.defaultCount, workers.length), (groups) => ({
      workers,
      groups
    }))
  )

type Assigned = Result.Result<KeyedAssignment<KeyHash.HashKey>, InvalidConfig>

/**
 * Consecutive groups to each worker, as many to each as to any other or one more.
 *
 * @category constructors
 * @since 0.1.0
 */
export const even = (name: string, ids: ReadonlyArray<string>, options: AssignOptions | undefined): Assigned =>
  Result.map(shape(ids, options), ({ groups, workers }) => {
    const table = new Int32Array(groups)
    for (let group = 0; group < groups; group++) table[group] = Math.floor((group * workers.length) / groups)
    return new HashAssignment(name, workers, table)
  })

/**
 * Groups from the ring; no worker owns more than `loadFactor` times the mean, rounded up.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ring = (
  name: string,
  ids: ReadonlyArray<string>,
  options: AssignOptions | undefined,
  { loadFactor, virtualNodes }: { readonly virtualNodes: number; readonly loadFactor: number }
): Assigned => {
  if (!Number.isInteger(virtualNodes) || virtualNodes < 1 || virtualNodes > 10_000) {
    return invalid("virtualNodes", virtualNodes, "an integer from 1 to 10000")
  }
  if (!(loadFactor >= 1)) return invalid("loadFactor", loadFactor, "a number of at least 1")
  return Result.map(shape(ids, options), ({ groups, workers }) => {
    const capacity = Math.min(groups, Math.ceil((loadFactor * groups) / workers.length))
    const places = workers.map((id) => ({ id, virtualNodes, capacity }))
    return new HashAssignment(name, workers, HashRing.place(places, groups))
  })
}

const weightsAllowed = "finite numbers of at least 0, not all 0, one for each worker"

const weightsOf = (
  workers: ReadonlyArray<string>,
  weights: Weights
): Result.Result<ReadonlyArray<number>, InvalidConfig> => {
  const byIndex = isByIndex(weights)
  const out = byIndex ? weights : workers.map((id) => (Object.hasOwn(weights, id) ? weights[id] : Number.NaN))
  const total = out.reduce((sum, weight) => sum + weight, 0)
  return out.length === workers.length && out.every((weight) => weight >= 0) && total > 0 && total < Infinity
    ? Result.succeed(out)
    : invalid("weights", weights, weightsAllowed)
}

const isByIndex = (weights: Weights): weights is ReadonlyArray<number> => Array.isArray(weights)

/**
 * Weights of workers: by index, or by id.
 *
 * @category models
 * @since 0.1.0
 */
export type Weights = ReadonlyArray<number> | Readonly<Record<string, number>>

/**
 * Groups in proportion to weights, exact to one group, from a ring with points in proportion.
 *
 * @category constructors
 * @since 0.1.0
 */
export const weighted = (
  name: string,
  ids: ReadonlyArray<string>,
  options: AssignOptions | undefined,
  given: Weights
): Assigned =>
  Result.flatMap(shape(ids, options), ({ groups, workers }) =>
    Result.map(weightsOf(workers, given), (weights) => {
      const total = weights.reduce((sum, weight) => sum + weight, 0)
      const quotas = quotasOf(workers, weights, total, groups)
      const places = workers.map((id, i) => ({
        id,
        capacity: quotas[i],
        virtualNodes: quotas[i] === 0 ? 0 : Math.ceil((weights[i] / total) * workers.length * defaultVirtualNodes)
      }))
      return new HashAssignment(name, workers, HashRing.place(places, groups))
    })
  )

/**
 * Points of a worker on the ring: up to 8 workers the ring alone is even to 6 %, so that bounding the
 * loads moves nothing more; assigning to 64 takes some 15 ms.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultVirtualNodes = 1024

/** Largest remainders (Hamilton's method): whole groups that add up to all, each within one of its exact share. */
const quotasOf = (
  workers: ReadonlyArray<string>,
  weights: ReadonlyArray<number>,
  total: number,
  groups: number
): ReadonlyArray<number> => {
  const shares = weights.map((weight) => (weight / total) * groups)
  const quotas = shares.map(Math.floor)
  const left = groups - quotas.reduce((sum, quota) => sum + quota, 0)
  // The sort is stable, so equal remainders fall to ids in their order, wherever they stand in the set.
  const byRemainder = [...HashRing.byId(workers.map((id) => ({ id })))].sort(
    (a, b) => shares[b] - quotas[b] - (shares[a] - quotas[a])
  )
  for (const i of byRemainder.slice(0, left)) quotas[i]++
  return quotas
}
