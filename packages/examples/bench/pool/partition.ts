/**
 * What it costs to place a key: 16,384 keys of 8 to 16 characters among 8 workers.
 *
 * @since 0.1.0
 */
import * as Partitioner from "@shared-nothing/core/Partitioner"
import * as HashRing from "effect/HashRing"
import * as PrimaryKey from "effect/PrimaryKey"
import * as Result from "effect/Result"
import type { RunSubject } from "../harness/Suite.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface PartitionArgs {
  readonly by: "hash" | "consistentHash" | "HashRing"
}

const workers = Array.from({ length: 8 }, (_, i) => `worker-${i}`)

/** Lengths 8 to 16, each as often as the others. */
const keys = Array.from({ length: 16_384 }, (_, i) => {
  const digits = (Math.imul(i + 1, 0x9e3779b1) >>> 0).toString(36).padStart(7, "0")
  // Through bytes, so that a key is one flat string as it is when it was decoded.
  return Buffer.from(`${digits}-${digits}x`.slice(0, 8 + (i % 9))).toString("latin1")
})

const assigned = (partitioner: Partitioner.Keyed<string>): ((key: string) => number) => {
  const assignment = Result.getOrThrow(partitioner.assign(workers))
  return (key) => assignment.workerOf(key)
}

const ring = (): ((key: string) => number) => {
  const nodes = workers.map((id, index) => ({ index, [PrimaryKey.symbol]: () => id }))
  const ring = HashRing.make<(typeof nodes)[number]>()
  HashRing.addMany(ring, nodes)
  return (key) => HashRing.get(ring, key)!.index
}

const places: { readonly [By in PartitionArgs["by"]]: () => (key: string) => number } = {
  hash: () => assigned(Partitioner.hash()),
  consistentHash: () => assigned(Partitioner.consistentHash()),
  HashRing: ring
}

/**
 * @category running
 * @since 0.1.0
 */
export const run: RunSubject<PartitionArgs> = async ({ by }, load) => {
  const placeOf = places[by]()
  const round = (): number => {
    let sum = 0
    for (let i = 0; i < keys.length; i++) sum += placeOf(keys[i])
    return sum
  }
  const first = round()
  const rounds = (until: number): { readonly rounds: number; readonly changed: number } => {
    let rounds = 0
    let changed = 0
    while (performance.now() < until) {
      if (round() !== first) changed += 1
      rounds += 1
    }
    return { rounds, changed }
  }
  const warm = rounds(performance.now() + load.warmUpMillis)
  const from = performance.now()
  const measured = rounds(from + load.measureMillis)
  const millis = performance.now() - from
  const nsPerKey = (millis * 1e6) / (measured.rounds * keys.length)
  return {
    metrics: { nsPerKey, keysPerSecond: 1e9 / nsPerKey },
    expected: "0 rounds with other places",
    arrived: `${warm.changed + measured.changed} rounds with other places`
  }
}
