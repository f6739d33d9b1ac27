/**
 * What an unbounded sender keeps while the ring is full: a queue of encoded messages that is cheap
 * at both ends, however long it grows.
 *
 * @since 0.1.0
 */
import type { Encoded } from "./FrameWriter.ts"

/** Passed messages that are worth moving the rest for. */
const worthwhile = 1024

/**
 * @category models
 * @since 0.1.0
 */
export class Backlog {
  private items: Array<Encoded | undefined> = []
  private head = 0

  get length(): number {
    return this.items.length - this.head
  }

  push(message: Encoded): void {
    this.items.push(message)
  }

  /** The oldest message. */
  peek(): Encoded | undefined {
    return this.items[this.head]
  }

  /** Passes the oldest message. */
  shift(): void {
    this.items[this.head++] = undefined
    // At least half is moved away each time, so a message is moved once on average.
    if (this.head > worthwhile && this.head * 2 > this.items.length) {
      this.items = this.items.slice(this.head)
      this.head = 0
    }
  }
}
