/**
 * Values in the order of their times; of equal times in the order they came. Made for values that
 * come almost in order: adding looks from the end.
 *
 * @since 0.1.0
 */
/**
 * The contents of a buffer as plain data.
 *
 * @category models
 * @since 0.1.0
 */
export interface Timed {
  readonly times: ReadonlyArray<number>
  readonly values: ReadonlyArray<unknown>
}

/** What a buffer has, as plain data. */
export const timedOf = ({ times, values }: TimedBuffer): Timed => ({ times, values })

/**
 * @category models
 * @since 0.1.0
 */
export class TimedBuffer {
  readonly times: Array<number> = []
  readonly values: Array<unknown> = []

  /** A buffer of what another had. */
  static from({ times, values }: Timed): TimedBuffer {
    const buffer = new TimedBuffer()
    for (let i = 0; i < times.length; i++) buffer.add(times[i], values[i])
    return buffer
  }

  get length(): number {
    return this.times.length
  }

  add(time: number, value: unknown): void {
    const { times, values } = this
    let at = times.length
    while (at > 0 && times[at - 1] > time) at--
    if (at === times.length) {
      times.push(time)
      values.push(value)
    } else {
      times.splice(at, 0, time)
      values.splice(at, 0, value)
    }
  }

  /** Index of the first value of `time` or later. */
  indexOf(time: number): number {
    const { times } = this
    let low = 0
    let high = times.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (times[middle] < time) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Drops what is earlier than `time`. */
  dropBefore(time: number): void {
    const count = this.indexOf(time)
    if (count === 0) return
    this.times.splice(0, count)
    this.values.splice(0, count)
  }
}
