/**
 * What goes before the payload of every frame between a pool and its workers:
 *
 * | bytes | field |
 * |---|---|
 * | 0–3 | `id`: number of the message at its source, or of the request that a reply answers |
 * | 4–7 | `detail`: for a message its priority, for a request its index in the contract, for a reply its `ReplyStatus` |
 * | 8–15 | `timestamp`: microseconds since the epoch, a 64-bit float |
 * | 16–19 | `key`: hash of the key of a request, which is its unit of order; of a message the milliseconds that it may take, or 0 |
 * | 20–23 | bytes of `context` that follow, padded to a multiple of 8; 0 if there is none |
 * | 24–   | `context`: the span and log annotations of the sender, as JSON in UTF-8 |
 *
 * @since 0.1.0
 */
import type { FrameCodec } from "../channel/FrameCodec.ts"
import type { ByteMemory } from "../ring/ByteMemory.ts"
import { Kind } from "../ring/Frame.ts"

/**
 * Kinds of frame between a pool and its workers.
 *
 * @category models
 * @since 0.1.0
 */
export const EnvelopeKind = {
  Message: Kind.Data,
  Request: Kind.user,
  Reply: Kind.user + 1
} as const

/**
 * How a request ended, or went on; and what a supervised worker reports without being asked: a
 * message that failed, one that is given up, its state, a key group on trial that did well, a message
 * that is handed over.
 *
 * @category models
 * @since 0.1.0
 */
export const ReplyStatus = {
  Success: 0,
  Failure: 1,
  Panic: 2,
  Chunk: 3,
  End: 4,
  Failed: 5,
  Dead: 6,
  Saved: 7,
  Recovered: 8,
  Handed: 9
} as const

/**
 * The fields that go before a payload.
 *
 * @category models
 * @since 0.1.0
 */
export interface EnvelopeHead {
  id: number
  detail: number
  timestamp: number
  key: number
  /** An encoded `CallerContext`. */
  context: string | undefined
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const makeHead = (): EnvelopeHead => ({ id: 0, detail: 0, timestamp: 0, key: 0, context: undefined })

const headBytes = 24
const encoder = new TextEncoder()
const decoder = new TextDecoder()

const padded = (bytes: number): number => (bytes + 7) & ~7

/**
 * Reads what goes before the payload, and returns where the payload begins.
 *
 * @category accessors
 * @since 0.1.0
 */
export const readHead = (into: EnvelopeHead, memory: ByteMemory, offset: number, end: number): number => {
  if (end - offset < headBytes) throw new RangeError(`an envelope of ${end - offset} bytes`)
  const { f64, i32 } = memory
  const word = offset >> 2
  into.id = i32[word]
  into.detail = i32[word + 1]
  into.timestamp = f64[(offset >> 3) + 1]
  into.key = i32[word + 4]
  const bytes = i32[word + 5]
  const start = offset + headBytes
  if (bytes === 0) {
    into.context = undefined
    return start
  }
  if (bytes < 0 || padded(bytes) > end - start) throw new RangeError(`an envelope with a context of ${bytes} bytes`)
  // Copied: decoders refuse shared memory.
  into.context = decoder.decode(memory.u8.slice(start, start + bytes))
  return start + padded(bytes)
}

/**
 * The codec of an envelope around the payload of another. `head` is set before a write and found
 * after a read, so that nothing is allocated for it.
 *
 * @category models
 * @since 0.1.0
 */
export class Envelope<A> implements FrameCodec<A> {
  readonly head: EnvelopeHead
  /** Undefined, as a context may or may not be there. */
  readonly fixedSize: undefined
  readonly mayAttach: boolean
  /** What is added to `head.id` by each write. */
  step = 0
  private readonly payload: FrameCodec<A>
  private readonly fixedBound: number | undefined

  constructor(payload: FrameCodec<A>) {
    this.payload = payload
    this.head = makeHead()
    this.fixedSize = undefined
    this.mayAttach = payload.mayAttach
    this.fixedBound = payload.fixedSize === undefined ? undefined : payload.fixedSize + headBytes
  }

  bound(value: A): number {
    const bound = this.fixedBound ?? this.payload.bound(value) + headBytes
    const { context } = this.head
    return context === undefined ? bound : bound + padded(3 * context.length)
  }

  write(memory: ByteMemory, offset: number, value: A): number {
    const { head } = this
    const { f64, i32 } = memory
    const word = offset >> 2
    i32[word] = head.id
    i32[word + 1] = head.detail
    f64[(offset >> 3) + 1] = head.timestamp
    i32[word + 4] = head.key
    let start = offset + headBytes
    if (head.context === undefined) {
      i32[word + 5] = 0
    } else {
      const bytes = encoder.encode(head.context)
      i32[word + 5] = bytes.length
      memory.u8.set(bytes, start)
      start += padded(bytes.length)
    }
    const end = this.payload.write(memory, start, value)
    head.id = (head.id + this.step) | 0
    return end
  }

  read(memory: ByteMemory, offset: number, end: number): A {
    return this.payload.read(memory, readHead(this.head, memory, offset, end), end)
  }
}

/**
 * Microseconds since the epoch.
 *
 * @category accessors
 * @since 0.1.0
 */
export const now = (): number => Math.round((origin + performance.now()) * 1000)

// A getter, and the same for as long as the thread lives.
const origin = performance.timeOrigin
