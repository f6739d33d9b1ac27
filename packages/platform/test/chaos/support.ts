/** What the scenarios share: the length of a run, dice that replay, a verifying source, percentiles. */
import * as NodeProcesses from "@shared-nothing/platform/NodeProcesses"
import * as NodeWorkers from "@shared-nothing/platform/NodeWorkers"
import type * as WorkerPool from "@shared-nothing/core/WorkerPool"
import * as Effect from "effect/Effect"
import { Book, type Page } from "./Book.ts"

/** `CHAOS=full npm run test:chaos` runs the lengths that the project promises. */
export const full = process.env.CHAOS === "full"

export const seed = Number(process.env.CHAOS_SEED ?? (Math.random() * 2 ** 31) | 0)

const module = new URL("./Book.worker.ts", import.meta.url)
export const threads = NodeWorkers.layerThreads([Book, module])
export const processes = NodeProcesses.layer([Book, module])

export const backends = [
  ["thread", threads],
  ["process", processes]
] as const

/** Mulberry32. */
export const dice = (from: number) => {
  let state = from | 0
  return (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

export type BookPool = Effect.Success<
  ReturnType<
    typeof WorkerPool.make<
      "Book",
      typeof Book.message.Type,
      (typeof Book.requests)[number],
      typeof Book.initData.Type,
      ReadonlyArray<typeof Page.Type>
    >
  >
>

/** Messages with the next ids of `keys` keys in turn. */
export class Source {
  private readonly next: Array<number>

  constructor(keys: number) {
    this.next = Array.from({ length: keys }, () => 0)
  }

  get sent(): number {
    return this.next.reduce((sum, next) => sum + next, 0)
  }

  take(count: number): Array<typeof Book.message.Type> {
    return Array.from({ length: count }, () => {
      const key = this.turn++ % this.next.length
      return { key: `key-${key}`, id: this.next[key]++ }
    })
  }

  private turn = 0
}

/** What the workers have in their books, in sum. */
export const audit = (pool: BookPool) =>
  Effect.map(pool.askAll("Pages", undefined), (books) => {
    const sum = { handled: 0, lost: 0, repeated: 0, keys: 0 }
    for (const page of books.flat()) {
      sum.handled += page.handled
      sum.lost += page.lost
      sum.repeated += page.repeated
      sum.keys += 1
    }
    return sum
  })

export const percentile = (values: ReadonlyArray<number>, p: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * p) / 100))] ?? NaN
}
