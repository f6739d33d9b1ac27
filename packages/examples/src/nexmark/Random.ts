/**
 * Random numbers that depend on a seed and on the number of an event alone, so that any thread makes
 * any event. Mulberry32 (Tommy Ettinger, public domain), started anew for each event from a mix of
 * both (the finalizer of MurmurHash3, Austin Appleby, public domain).
 *
 * @since 0.1.0
 */
export class Random {
  private readonly seed: number
  private state = 0

  constructor(seed: number) {
    this.seed = seed | 0
  }

  /** Begins the numbers of event `n`. */
  begin(n: number): void {
    let h = (n ^ Math.imul(Math.floor(n / 4_294_967_296), 0x9e3779b1) ^ Math.imul(this.seed, 0x85ebca6b)) | 0
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
    this.state = h ^ (h >>> 16)
  }

  /** The next number, from 0 to below 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }

  /** The next whole number, from 0 to below `bound`. */
  below(bound: number): number {
    return Math.floor(this.next() * bound)
  }
}
