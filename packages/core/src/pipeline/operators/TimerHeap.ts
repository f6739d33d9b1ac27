/**
 * Timers, the earliest first: a binary heap over parallel arrays. A timer of the same time and key
 * is set once; what is set is known by key, most keys having one timer at a time.
 *
 * @since 0.1.0
 */
import type { HashKey } from "../../partition/KeyHash.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Timers {
  readonly times: ReadonlyArray<number>
  readonly keys: ReadonlyArray<HashKey>
}

/**
 * @category models
 * @since 0.1.0
 */
export class TimerHeap {
  private readonly times: Array<number> = []
  private readonly keys: Array<HashKey> = []
  private readonly known = new Map<HashKey, number | Set<number>>()

  /** The time of the earliest, or `Infinity`. */
  get first(): number {
    return this.times.length === 0 ? Infinity : this.times[0]
  }

  add(time: number, key: HashKey): void {
    if (!this.isNew(time, key)) return
    const { keys, times } = this
    let i = times.length
    times.push(time)
    keys.push(key)
    while (i > 0) {
      const parent = (i - 1) >> 1
      const above = times[parent]
      if (above <= time) break
      times[i] = above
      keys[i] = keys[parent]
      i = parent
    }
    times[i] = time
    keys[i] = key
  }

  private isNew(time: number, key: HashKey): boolean {
    const own = this.known.get(key)
    if (own === undefined) this.known.set(key, time)
    else if (typeof own === "number") {
      if (own === time) return false
      this.known.set(key, new Set([own, time]))
    } else {
      if (own.has(time)) return false
      own.add(time)
    }
    return true
  }

  /** Takes the earliest and returns its key. */
  take(): HashKey {
    const { keys, known, times } = this
    const [key] = keys
    const own = known.get(key)!
    if (typeof own === "number") known.delete(key)
    else {
      own.delete(times[0])
      if (own.size === 0) known.delete(key)
    }
    const time = times.pop()!
    const last = keys.pop()!
    const { length } = times
    if (length === 0) return key
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= length) break
      let below = times[child]
      if (child + 1 < length && times[child + 1] < below) below = times[++child]
      if (time <= below) break
      times[i] = below
      keys[i] = keys[child]
      i = child
    }
    times[i] = time
    keys[i] = last
    return key
  }

  /** All timers, as plain data. */
  snapshot(): Timers {
    return { times: this.times, keys: this.keys }
  }

  restore({ keys, times }: Timers): void {
    for (let i = 0; i < times.length; i++) this.add(times[i], keys[i])
  }
}
