/**
 * The shapes of key that real systems use and weak hashes fail on, and how evenly they fall.
 */
import * as Result from "effect/Result"
import type { KeyedAssignment } from "../../src/partition/Assignment.ts"
import type { HashKey } from "../../src/partition/KeyHash.ts"
import type { Keyed } from "../../src/partition/Partitioner.ts"

const count = 100_000

/** A fixed sequence of 32-bit numbers (mulberry32), so that a failure can be repeated. */
const random = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return (t ^ (t >>> 14)) >>> 0
  }
}

const uuid = (next: () => number): string => {
  const hex = Array.from({ length: 4 }, () => next().toString(16).padStart(8, "0")).join("")
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
}

const next = random(7)

export const keySets: Readonly<Record<string, ReadonlyArray<HashKey>>> = {
  sequential: Array.from({ length: count }, (_, i) => `key-${i}`),
  "numeric string": Array.from({ length: count }, (_, i) => String(i)),
  uuid: Array.from({ length: count }, () => uuid(next)),
  integer: Array.from({ length: count }, (_, i) => i),
  bigint: Array.from({ length: count }, (_, i) => BigInt(i))
}

export const workerIds = (count: number): ReadonlyArray<string> => Array.from({ length: count }, (_, i) => `tally-${i}`)

export const compile = (partitioner: Keyed<HashKey>, workers: ReadonlyArray<string>): KeyedAssignment<HashKey> =>
  Result.getOrThrow(partitioner.assign(workers))

/** Keys of each worker. */
export const tally = <K>(assignment: KeyedAssignment<K>, keys: ReadonlyArray<K>): ReadonlyArray<number> => {
  const counts = assignment.workers.map(() => 0)
  for (const key of keys) counts[assignment.workerOf(key)]++
  return counts
}

/** Keys of the fullest worker over the mean. */
export const fullest = <K>(assignment: KeyedAssignment<K>, keys: ReadonlyArray<K>): number =>
  (Math.max(...tally(assignment, keys)) * assignment.workers.length) / keys.length
