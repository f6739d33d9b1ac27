/**
 * What goes before the payload of every frame between a pool and its workers:
 *
 * | bytes | field |
 * |---|---|
 * | 0–3 | `id`: number of the message at its source, or of the request that a reply answers |
 * | 4–7 | `detail`: for a message its priority, for a request its index in the contract, for a reply its `ReplyStatus` |
 * | 8–15 | `timestamp`: microseconds since the epoch, a 64-bit float |
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
 * How a request ended, or went on.
 *
 * @category models
 * @since 0.1.0
 */
export const ReplyStatus = { Success: 0, Failure: 1, Panic: 2, Chunk: 3, End: 4 } as const

const bytes = 16

/**
 * The codec of an envelope around the payload of another. Its fields are set before a write and
 * found after a read, so that nothing is allocated for them.
 *
 * @category models
 * @since 0.1.0
 */
export class Envelope<A> implements FrameCodec<A> {
  id = 0
  detail = 0
  timestamp = 0
  readonly fixedSize: number | undefined
  private readonly payload: FrameCodec<A>

  constructor(payload: FrameCodec<A>) {
    this.payload = payload
    this.fixedSize = payload.fixedSize === undefined ? undefined : payload.fixedSize + bytes
  }

  bound(value: A): number {
    return this.payload.bound(value) + bytes
  }

  write(memory: ByteMemory, offset: number, value: A): number {
    memory.i32[offset >> 2] = this.id
    memory.i32[(offset >> 2) + 1] = this.detail
    memory.f64[(offset >> 3) + 1] = this.timestamp
    return this.payload.write(memory, offset + bytes, value)
  }

  read(memory: ByteMemory, offset: number, end: number): A {
    Envelope.peek(this, memory, offset, end)
    return this.payload.read(memory, offset + bytes, end)
  }

  /** Reads only what goes before the payload. */
  static peek(
    into: { id: number; detail: number; timestamp: number },
    memory: ByteMemory,
    offset: number,
    end: number
  ): void {
    if (end - offset < bytes) throw new RangeError(`an envelope of ${end - offset} bytes`)
    into.id = memory.i32[offset >> 2]
    into.detail = memory.i32[(offset >> 2) + 1]
    into.timestamp = memory.f64[(offset >> 3) + 1]
  }
}

/**
 * Microseconds since the epoch.
 *
 * @category accessors
 * @since 0.1.0
 */
export const now = (): number => Math.round((performance.timeOrigin + performance.now()) * 1000)
