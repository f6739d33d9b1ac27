/**
 * Rival: ringbuf.js, one ring for each pair of sender and receiver. It carries numbers only: floats
 * in a `Float64Array`, bytes in a `Uint32Array` (its `pop` copies element by element, so four bytes
 * at a time).
 *
 * It has no way to wait; the loops here spin, which is best while every thread has a core, and
 * sleep 50 µs after 20,000 turns in vain, when the other thread has evidently lost its core. With more
 * threads than cores they sleep after 200, for a spinner would keep the thread that it waits for from running. A ring holds 1024 floats, or 4 MiB.
 *
 * @since 0.1.0
 */
import { availableParallelism } from "node:os"
import { RingBuffer } from "ringbuf.js"
import type { RunSubject } from "../harness/Suite.ts"
import { Arrivals, type ReceiverReport } from "./Arrivals.ts"
import { deadline, flow, type FlowArgs, type Post } from "./threads.ts"
import { trafficOf } from "./traffic.ts"

interface Link {
  readonly rings: ReadonlyArray<SharedArrayBuffer>
  /** One word for each sender: 1 once it has pushed everything. */
  readonly done: SharedArrayBuffer
}

const floats = 1024
const wordsForBytes = (4 * 2 ** 20) / 4

const elementOf = (args: FlowArgs) => (args.traffic.kind === "bytes" ? Uint32Array : Float64Array)

/**
 * @category running
 * @since 0.1.0
 */
export const run: RunSubject<FlowArgs> = (args, load) => {
  const capacity = args.traffic.kind === "bytes" ? wordsForBytes : floats
  const rings = Array.from({ length: args.senders * args.receivers }, () =>
    RingBuffer.getStorageForCapacity(capacity, elementOf(args))
  )
  const done = new SharedArrayBuffer(4 * args.senders)
  return flow<Link, Link>(import.meta.url, args, load, {
    sender: (slot) => ({ rings: rings.filter((_, n) => Math.floor(n / args.receivers) === slot), done }),
    receiver: (slot) => ({ rings: rings.filter((_, n) => n % args.receivers === slot), done })
  })
}

class Pause {
  private readonly word = new Int32Array(new SharedArrayBuffer(4))
  private readonly patience: number
  private turns = 0

  constructor(args: FlowArgs) {
    this.patience = args.senders + args.receivers > availableParallelism() ? 200 : 20_000
  }

  inVain(): void {
    this.turns += 1
    if (this.turns < this.patience) return
    this.turns = 0
    Atomics.wait(this.word, 0, 0, 0.05)
  }

  hit(): void {
    this.turns = 0
  }
}

const attach = (post: Post<Link>) => post.link.rings.map((memory) => new RingBuffer(memory, elementOf(post)))

export const sender = (post: Post<Link>): number => {
  const traffic = trafficOf(post.traffic)
  const rings = attach(post)
  const pause = new Pause(post)
  const until = deadline(post.load)
  const push = (to: number, elements: Float64Array | Uint32Array): void => {
    let at = 0
    while (at < elements.length) {
      const pushed = rings[to].push(elements, elements.length - at, at)
      at += pushed
      if (pushed === 0) pause.inVain()
      else pause.hit()
    }
  }
  const batch = new Float64Array(traffic.batch)
  let index = 0
  for (let to = 0; performance.now() < until; to = (to + 1) % rings.length) {
    if (traffic.size === undefined) {
      for (let i = 0; i < batch.length; i++) batch[i] = traffic.make(post.slot, index + i) as number
      push(to, batch)
    } else {
      for (let i = 0; i < traffic.batch; i++) {
        const message = traffic.make(post.slot, index + i) as Uint8Array<ArrayBuffer>
        push(to, new Uint32Array(message.buffer))
      }
    }
    index += traffic.batch
  }
  Atomics.store(new Int32Array(post.link.done), post.slot, 1)
  return index
}

export const receiver = (post: Post<Link>): ReceiverReport => {
  const traffic = trafficOf(post.traffic)
  const rings = attach(post)
  const pause = new Pause(post)
  const arrivals = new Arrivals(traffic, post.senders, post.receivers, post.load.warmUpMillis)
  const done = new Int32Array(post.link.done)
  const over = (): boolean => done.every((_, slot) => Atomics.load(done, slot) === 1)
  const take = traffic.size === undefined ? takeFloats() : takeBytes(traffic.size)

  function takeFloats(): (ring: RingBuffer) => boolean {
    const batch = new Float64Array(traffic.batch)
    return (ring) => {
      const popped = ring.pop(batch, batch.length)
      if (popped > 0) arrivals.batch(popped === batch.length ? batch : batch.subarray(0, popped))
      return popped > 0
    }
  }

  function takeBytes(size: number): (ring: RingBuffer) => boolean {
    return (ring) => {
      if (ring.availableRead() === 0) return false
      // A new array for each message, as every subject hands one out.
      const words = new Uint32Array(size / 4)
      for (let at = 0; at < words.length;) {
        const popped = ring.pop(words, words.length - at, at)
        at += popped
        if (popped === 0) pause.inVain()
      }
      arrivals.batch([new Uint8Array(words.buffer)])
      return true
    }
  }

  for (;;) {
    const last = over()
    let found = false
    for (const ring of rings) found = take(ring) || found
    if (found) {
      pause.hit()
    } else if (last) {
      return arrivals.report()
    } else {
      pause.inVain()
    }
  }
}
