/**
 * Ranges of ordered keys. Boundaries ascend; each is the first key of the range on its right, so a
 * key equal to a boundary belongs to the right.
 *
 * The ranges are the key groups: range `i` of `r` goes to worker `floor(i * workers / r)`, and
 * neighbouring keys stay together. More ranges than workers leave room to grow.
 *
 * @since 0.1.0
 */
import type { Order } from "effect/Order"
import * as Result from "effect/Result"
import type { InvalidConfig } from "../errors/Errors.ts"
import type { KeyedAssignment } from "./Assignment.ts"
import { invalid, noPlace, workerSet } from "./checks.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface RangeOptions<K> {
  /** Order of the keys: `Order.String`, `Order.Number`, `Order.BigInt`, `Order.Date`, or your own. */
  readonly order: Order<K>
  /** Strictly ascending. */
  readonly boundaries: ReadonlyArray<NoInfer<K>>
  /**
   * - `open` (default): `n` boundaries make `n + 1` ranges, and the outer two have no end
   * - `closed`: `n` boundaries make `n - 1` ranges; a key below the first, or not below the last, has
   *   no place
   */
  readonly ends?: "open" | "closed" | undefined
}

const isNaNKey = (key: unknown): boolean =>
  typeof key === "number" ? Number.isNaN(key) : key instanceof Date && Number.isNaN(key.getTime())

class RangeAssignment<K> implements KeyedAssignment<K> {
  readonly keyed = true
  readonly partitioner: string
  readonly workers: ReadonlyArray<string>
  readonly groups: number
  readonly grouping: unknown
  readonly #order: Order<K>
  readonly #boundaries: ReadonlyArray<K>
  /** Boundaries that begin no range of their own: 1 where the first is the closed end. */
  readonly #offset: number

  constructor(
    partitioner: string,
    workers: ReadonlyArray<string>,
    groups: number,
    grouping: unknown,
    options: RangeOptions<K>
  ) {
    this.partitioner = partitioner
    this.workers = workers
    this.groups = groups
    this.grouping = grouping
    this.#order = options.order
    this.#boundaries = options.boundaries
    this.#offset = options.ends === "closed" ? 1 : 0
  }

  groupOf(key: K): number {
    if (isNaNKey(key)) throw noPlace(this.partitioner, key, "it is not comparable")
    const order = this.#order
    const boundaries = this.#boundaries
    let low = 0
    let high = boundaries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (order(boundaries[middle], key) > 0) high = middle
      else low = middle + 1
    }
    const group = low - this.#offset
    if (group < 0) throw noPlace(this.partitioner, key, "it is below the first range")
    if (group >= this.groups) throw noPlace(this.partitioner, key, "it is not below the end of the last range")
    return group
  }

  workerOfGroup(group: number): number {
    return Math.floor((group * this.workers.length) / this.groups)
  }

  workerOf(key: K): number {
    return this.workerOfGroup(this.groupOf(key))
  }
}

/**
 * The assignment of ranges. `grouping` is the same for each call on one partitioner, and for no other.
 *
 * @category constructors
 * @since 0.1.0
 */
export const assign = <K>(
  name: string,
  ids: ReadonlyArray<string>,
  grouping: unknown,
  options: RangeOptions<K>
): Result.Result<KeyedAssignment<K>, InvalidConfig> => {
  const { boundaries, order } = options
  const groups = options.ends === "closed" ? boundaries.length - 1 : boundaries.length + 1
  if (groups < 1) return invalid("boundaries", boundaries, "at least two where the ends are closed")
  if (boundaries.some((key, i) => isNaNKey(key) || (i > 0 && order(boundaries[i - 1], key) >= 0))) {
    return invalid("boundaries", boundaries, "strictly ascending keys")
  }
  return Result.flatMap(workerSet(ids), (workers) =>
    workers.length > groups
      ? invalid("boundaries", boundaries, `at least one range for each of ${workers.length} workers, not ${groups}`)
      : Result.succeed(new RangeAssignment(name, workers, groups, grouping, options))
  )
}

/**
 * Boundaries of `ranges` ranges, open at the ends, that hold about equally many of the sampled
 * keys. A key that is more frequent than a range's share gets a range to itself where it can; the
 * others share the rest. Fails where the sample has fewer distinct keys than ranges.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSample = <K>(options: {
  readonly order: Order<K>
  readonly keys: Iterable<NoInfer<K>>
  /** At least 1; as many as workers, or more. */
  readonly ranges: number
}): Result.Result<ReadonlyArray<K>, InvalidConfig> => {
  const { order, ranges } = options
  if (!Number.isInteger(ranges) || ranges < 1) return invalid("ranges", ranges, "an integer of at least 1")
  const keys = Array.from<K>(options.keys)
    .filter((key) => !isNaNKey(key))
    .sort(order)
  // Where each distinct key begins in the sorted sample.
  const starts = keys.flatMap((key, i) => (i === 0 || order(keys[i - 1], key) !== 0 ? [i] : []))
  if (starts.length < ranges) {
    return invalid("ranges", ranges, `no more than the ${starts.length} distinct keys of the sample`)
  }
  const boundaries: Array<K> = []
  let at = 0
  for (let range = 1; range < ranges; range++) {
    const ideal = (range * keys.length) / ranges
    const last = starts.length - (ranges - range)
    at++
    while (at < last && Math.abs(starts[at + 1] - ideal) <= Math.abs(starts[at] - ideal)) at++
    boundaries.push(keys[starts[at]])
  }
  return Result.succeed(boundaries)
}
