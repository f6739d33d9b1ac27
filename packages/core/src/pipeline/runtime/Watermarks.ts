/**
 * How far event time has come over several inputs: as far as the one that is most behind, leaving
 * out those that are idle. An input never takes its word back, and one that has ended is at
 * `Infinity`.
 *
 * @since 0.1.0
 */

/**
 * @category models
 * @since 0.1.0
 */
export interface WatermarksSnapshot {
  readonly time: number
  readonly open: number
  readonly times: Float64Array
  readonly idle: Uint8Array
}

/**
 * @category models
 * @since 0.1.0
 */
export class Watermarks {
  /** Of all inputs. */
  time = -Infinity
  /** Inputs that have not ended. */
  open: number
  private readonly times: Float64Array
  private readonly idle: Uint8Array

  constructor(inputs: number) {
    this.open = inputs
    this.times = new Float64Array(inputs).fill(-Infinity)
    this.idle = new Uint8Array(inputs)
  }

  /** Whether every input that has not ended is idle. */
  get allIdle(): boolean {
    for (let i = 0; i < this.times.length; i++) if (this.idle[i] === 0 && this.times[i] < Infinity) return false
    return this.open > 0
  }

  hasEnded(input: number): boolean {
    return this.times[input] === Infinity
  }

  /** One input has come to `time`; true if all have come further by it. */
  advance(input: number, time: number): boolean {
    // A watermark that goes backwards would let what was late already count: it is left out.
    if (!(time > this.times[input])) return false
    this.times[input] = time
    if (time === Infinity) this.open--
    return this.merge()
  }

  /** One input has become idle, or is no longer; true if all have come further by it. */
  setIdle(input: number, idle: boolean): boolean {
    this.idle[input] = idle ? 1 : 0
    return idle && this.merge()
  }

  snapshot(): WatermarksSnapshot {
    return { time: this.time, open: this.open, times: this.times, idle: this.idle }
  }

  restore({ idle, open, time, times }: WatermarksSnapshot): void {
    this.time = time
    this.open = open
    this.times.set(times)
    this.idle.set(idle)
  }

  private merge(): boolean {
    const { idle, times } = this
    let least = Infinity
    for (let i = 0; i < times.length; i++) if (idle[i] === 0 && times[i] < least) least = times[i]
    // All idle: what they said last counts, not the end that nobody has seen.
    if (least === Infinity && this.open > 0) return false
    if (least <= this.time) return false
    this.time = least
    return true
  }
}
