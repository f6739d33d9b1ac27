/**
 * What the loops by hand need between threads: batches, and backpressure, which ports do not have.
 *
 * @since 0.1.0
 */
import { setImmediate } from "node:timers/promises"

/** Messages, and how far the time of their sender has come. */
export interface Post {
  readonly from: number
  readonly messages: ReadonlyArray<unknown>
  readonly reached: number
}

const wordsPerLink = 32
const window = 16
const most = 16

/** Memory for the links among some threads and the main one. */
export const linkMemory = (threads: number): SharedArrayBuffer =>
  new SharedArrayBuffer(threads * most * wordsPerLink * 4)

/** One end of a link: posts on their way are those posted less those taken. */
export class Link {
  private readonly words: Int32Array
  private readonly at: number
  private count = 0

  constructor(memory: SharedArrayBuffer, from: number, to: number) {
    this.words = new Int32Array(memory)
    this.at = (from * most + to) * wordsPerLink
  }

  posted(): void {
    this.count++
  }

  took(): void {
    Atomics.store(this.words, this.at, ++this.count)
  }

  /** Waits until another post may go; its thread takes what comes meanwhile. */
  async room(): Promise<void> {
    while (this.count - Atomics.load(this.words, this.at) >= window) await setImmediate()
  }
}

/** Messages of a post. */
const batch = 512

/** Gathers messages by target, and posts whole batches. */
export class Shares {
  /** How far time has come here. */
  reached = -Infinity
  private readonly from: number
  private readonly post: (target: number, post: Post) => void
  private readonly batches: Array<Array<unknown>>

  constructor(targets: number, from: number, post: (target: number, post: Post) => void) {
    this.from = from
    this.post = post
    this.batches = Array.from({ length: targets }, () => [])
  }

  put(target: number, message: unknown): void {
    if (this.batches[target].push(message) === batch) this.flush(target)
  }

  flush(target: number): void {
    const messages = this.batches[target]
    this.batches[target] = []
    this.post(target, { from: this.from, messages, reached: this.reached })
  }

  end(): void {
    this.reached = Infinity
    for (let target = 0; target < this.batches.length; target++) this.flush(target)
  }
}
