/**
 * Key groups: the unit in which keys, and the state under them, are placed and moved. A key's group
 * never changes while the number of groups stays; which worker owns a group does.
 *
 * The number is a power of two and the group is the low bits of the key's hash: one instruction,
 * and as even as any others because the hash is mixed. Doubling the number splits every group `g`
 * in `g` and `g + count`, so old state maps to new groups without rehashing the keys of others.
 *
 * Source of the idea: key groups of Apache Flink (FLINK-3755).
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type { InvalidConfig } from "../errors/Errors.ts"
import { invalid } from "./checks.ts"

/**
 * Key groups of a pool that does not say otherwise: even to a few percent up to 64 workers.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultCount = 4096

/**
 * The most key groups, and so the most workers behind one partitioner.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxCount = 65_536

/**
 * The group of a mixed hash, in `[0, count)`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const of = (hash: number, count: number): number => hash & (count - 1)

/**
 * Checks a number of groups against the number of workers that share them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const validate = (count: number, workers: number): Result.Result<number, InvalidConfig> => {
  if (!Number.isInteger(count) || count < 1 || count > maxCount || (count & (count - 1)) !== 0) {
    return invalid("groups", count, `a power of two from 1 to ${maxCount}`)
  }
  return count < workers
    ? invalid("groups", count, `at least one group for each of ${workers} workers`)
    : Result.succeed(count)
}
