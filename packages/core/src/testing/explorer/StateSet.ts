/**
 * The set of visited states, each kept as a 64-bit hash in an open-addressing table.
 *
 * Two states with one hash would hide each other: among ten million states the odds are about
 * three in a million (n² / 2^65), and an unlucky pair is as unlucky in every run.
 *
 * @since 0.1.0
 */
export class StateSet {
  size = 0
  /** Where the state lies that `enter` was asked for last, until the next `enter`. */
  at = 0
  private mask: number
  private low: Int32Array
  private high: Int32Array
  /** 0 empty, 1 on the path that is being explored, 2 left behind. */
  private mark: Uint8Array
  /** Threads that need not be tried from there, as sets of bits. */
  private asleep: Uint16Array

  constructor(bits = 16) {
    this.mask = (1 << bits) - 1
    this.low = new Int32Array(1 << bits)
    this.high = new Int32Array(1 << bits)
    this.mark = new Uint8Array(1 << bits)
    this.asleep = new Uint16Array(1 << bits)
  }

  private slot(low: number, high: number): number {
    let at = (low ^ Math.imul(high, 0x9e3779b1)) & this.mask
    while (this.mark[at] !== 0 && (this.low[at] !== low || this.high[at] !== high)) at = (at + 1) & this.mask
    return at
  }

  /** Adds a state to the current path; 0 if it is new, else its mark. */
  enter(low: number, high: number): number {
    if (this.size * 3 > this.mask * 2) this.grow()
    const at = this.slot(low, high)
    this.at = at
    if (this.mark[at] !== 0) return this.mark[at]
    this.low[at] = low
    this.high[at] = high
    this.mark[at] = 1
    this.size++
    return 0
  }

  get sleeping(): number {
    return this.asleep[this.at]
  }

  set sleeping(threads: number) {
    this.asleep[this.at] = threads
  }

  leave(low: number, high: number): void {
    this.mark[this.slot(low, high)] = 2
  }

  private grow(): void {
    const { asleep, high, low, mark } = this
    const length = low.length * 2
    this.mask = length - 1
    this.low = new Int32Array(length)
    this.high = new Int32Array(length)
    this.mark = new Uint8Array(length)
    this.asleep = new Uint16Array(length)
    for (let i = 0; i < mark.length; i++) {
      if (mark[i] === 0) continue
      const at = this.slot(low[i], high[i])
      this.low[at] = low[i]
      this.high[at] = high[i]
      this.mark[at] = mark[i]
      this.asleep[at] = asleep[i]
    }
  }
}
