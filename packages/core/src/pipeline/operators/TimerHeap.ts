/**
 * Timers, the earliest first: those of one time together, in the order they were set, and the times in
 * a binary heap. A timer of the same time and key is set once.
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

/** More keys of one time are looked up, fewer are looked through. */
const mostLooked = 16

/** The keys of one time. */
class Bucket {
  readonly keys: Array<HashKey>
  /** The first that was not taken. */
  next = 0
  private set: Set<HashKey> | undefined

  constructor(key: HashKey) {
    this.keys = [key]
  }

  add(key: HashKey): void {
    const { keys, next } = this
    if (keys.length - next < mostLooked) {
      if (!keys.includes(key, next)) keys.push(key)
      return
    }
    this.set ??= new Set(keys.slice(next))
    if (this.set.has(key)) return
    this.set.add(key)
    keys.push(key)
  }

  take(): HashKey {
    const key = this.keys[this.next++]
    this.set?.delete(key)
    return key
  }
}

/**
 * @category models
 * @since 0.1.0
 */
export class TimerHeap {
  private readonly times: Array<number> = []
  private readonly buckets = new Map<number, Bucket>()

  /** The time of the earliest, or `Infinity`. */
  get first(): number {
    return this.times.length === 0 ? Infinity : this.times[0]
  }

  add(time: number, key: HashKey): void {
    const known = this.buckets.get(time)
    if (known !== undefined) return known.add(key)
    this.buckets.set(time, new Bucket(key))
    const { times } = this
    let i = times.length
    times.push(time)
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (times[parent] <= time) break
      times[i] = times[parent]
      i = parent
    }
    times[i] = time
  }

  /** Takes the earliest and returns its key. */
  take(): HashKey {
    const time = this.times[0]
    const bucket = this.buckets.get(time)!
    const key = bucket.take()
    if (bucket.next === bucket.keys.length) {
      this.buckets.delete(time)
      this.takeTime()
    }
    return key
  }

  /** All timers, as plain data. */
  snapshot(): Timers {
    const times: Array<number> = []
    const keys: Array<HashKey> = []
    for (const [time, bucket] of this.buckets) {
      for (let i = bucket.next; i < bucket.keys.length; i++) {
        times.push(time)
        keys.push(bucket.keys[i])
      }
    }
    return { times, keys }
  }

  restore({ keys, times }: Timers): void {
    for (let i = 0; i < times.length; i++) this.add(times[i], keys[i])
  }

  private takeTime(): void {
    const { times } = this
    const last = times.pop()!
    const { length } = times
    if (length === 0) return
    let i = 0
    for (;;) {
      const left = 2 * i + 1
      if (left >= length) break
      const child = left + 1 < length && times[left + 1] < times[left] ? left + 1 : left
      if (last <= times[child]) break
      times[i] = times[child]
      i = child
    }
    times[i] = last
  }
}
