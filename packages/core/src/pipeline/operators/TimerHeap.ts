/**
 * Timers, the earliest first: a binary heap over parallel arrays. A timer of the same time and key
 * is set once.
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
  private readonly known = new Map<HashKey, Set<number>>()

  /** The time of the earliest, or `Infinity`. */
  get first(): number {
    return this.times.length === 0 ? Infinity : this.times[0]
  }

  add(time: number, key: HashKey): void {
    let set = this.known.get(key)
    if (set === undefined) this.known.set(key, (set = new Set()))
    if (set.has(time)) return
    set.add(time)
    const { keys, times } = this
    let i = times.length
    times.push(time)
    keys.push(key)
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (times[parent] <= times[i]) break
      this.swap(i, parent)
      i = parent
    }
  }

  /** Takes the earliest and returns its key. */
  take(): HashKey {
    const { keys, known, times } = this
    const key = keys[0]
    const time = times[0]
    const last = times.length - 1
    this.swap(0, last)
    times.pop()
    keys.pop()
    for (let i = 0; ;) {
      const left = 2 * i + 1
      if (left >= last) break
      const child = left + 1 < last && times[left + 1] < times[left] ? left + 1 : left
      if (times[i] <= times[child]) break
      this.swap(i, child)
      i = child
    }
    const set = known.get(key)
    if (set !== undefined) {
      set.delete(time)
      if (set.size === 0) known.delete(key)
    }
    return key
  }

  /** All timers, as plain data. */
  snapshot(): Timers {
    return { times: this.times, keys: this.keys }
  }

  restore({ keys, times }: Timers): void {
    for (let i = 0; i < times.length; i++) this.add(times[i], keys[i])
  }

  private swap(a: number, b: number): void {
    const { keys, times } = this
    const time = times[a]
    const key = keys[a]
    times[a] = times[b]
    keys[a] = keys[b]
    times[b] = time
    keys[b] = key
  }
}
