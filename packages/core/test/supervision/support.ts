/** What tests of supervision share: a clean world, messages, and waiting for what a pool tells. */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as KeyGroup from "../../src/partition/KeyGroup.ts"
import * as KeyHash from "../../src/partition/KeyHash.ts"
import type { SupervisionCounts } from "../../src/supervision/SupervisionEvent.ts"
import { world } from "./Ledger.ts"

export const soon = Schedule.spaced("1 millis")

/** Waits until the counts of a pool are so. */
export const eventually = (
  pool: { readonly supervised: Effect.Effect<SupervisionCounts> },
  until: (counts: SupervisionCounts) => boolean
) => Effect.repeat(pool.supervised, { until, schedule: soon })

/** Begins with nothing tried and nothing allowed. */
export const fresh = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.suspend(() => {
    world.reset()
    return effect
  })

/** The messages `from` to `to` of each key, key after key; of `key-0` and so on, for as many keys. */
export const entries = (keys: number | ReadonlyArray<string>, from: number, to: number) => {
  const names = typeof keys === "number" ? Array.from({ length: keys }, (_, i) => `key-${i}`) : keys
  return Array.from({ length: (to - from) * names.length }, (_, i) => ({
    key: names[i % names.length],
    id: from + Math.floor(i / names.length)
  }))
}

/** The key group of a key, in a pool of as many as nobody has said. */
export const groupOf = (key: string) => KeyGroup.of(KeyHash.of(key), 4096)

/** The account of a key whose messages were each handled once, in order. */
export const exactly = (key: string, count: number) => ({ key, count, last: count - 1, disorders: 0 })
