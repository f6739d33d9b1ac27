/**
 * Backpressure for rivals that have none: at most `window` posts are on their way on one link.
 *
 * The receiver counts in shared memory, one store and one notification in `window / 8` posts, which
 * is the cheapest form there is. Without it a sender that does nothing else would fill the memory.
 *
 * @since 0.1.0
 */

const wordsPerLink = 32

/**
 * Memory for a number of gates.
 *
 * @category constructors
 * @since 0.1.0
 */
export const gateMemory = (links: number): SharedArrayBuffer => new SharedArrayBuffer(links * wordsPerLink * 4)

/**
 * @category models
 * @since 0.1.0
 */
export class Gate {
  private readonly words: Int32Array
  private readonly at: number
  private readonly window: number
  private readonly step: number
  private posts = 0
  private taken = 0

  constructor(memory: SharedArrayBuffer, link: number, window: number) {
    this.words = new Int32Array(memory)
    this.at = link * wordsPerLink
    this.window = window
    this.step = Math.max(1, window >> 3)
  }

  /** Sender: blocks until another post may go. */
  pass(): void {
    while (this.posts - this.taken >= this.window) {
      this.taken = Atomics.load(this.words, this.at)
      if (this.posts - this.taken >= this.window) Atomics.wait(this.words, this.at, this.taken)
    }
    this.posts += 1
  }

  /** Receiver: a post was taken. */
  took(): void {
    this.posts += 1
    if (this.posts % this.step === 0) {
      Atomics.store(this.words, this.at, this.posts)
      Atomics.notify(this.words, this.at)
    }
  }
}

/**
 * How many posts may be on their way: 8192 single messages, 64 batches, or 64 MiB, but at least 4.
 *
 * @category constructors
 * @since 0.1.0
 */
export const windowOf = (batched: boolean, size: number | undefined, batch: number): number => {
  const posts = batched ? 64 : 8192
  if (size === undefined) return posts
  const bytesPerPost = batched ? size * batch : size
  return Math.max(4, Math.min(posts, Math.floor((64 * 2 ** 20) / bytesPerPost)))
}
