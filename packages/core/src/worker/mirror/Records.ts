/**
 * What a mirror's two ends say to each other, as bytes in a stream:
 *
 * | bytes | field |
 * |---|---|
 * | 0–3 | bytes of the payload |
 * | 4–7 | lane << 4 \| one of `RecordKind` |
 * | 8–15 | two numbers, `a` and `b` |
 *
 * Both ends run on one machine, so numbers are in its own byte order.
 *
 * @since 0.1.0
 */
import { RingFault } from "../../ring/RingFault.ts"

/**
 * @category models
 * @since 0.1.0
 */
export const RecordKind = {
  /** Frames as they lie in the ring: `a` is their position, `b` how many they are. */
  Frames: 0,
  /** One of the buffers of frame `a`; `b` more follow. -1 says that there are none. */
  Buffer: 1,
  /** How far the consumer of a lane is: `a` is `acked`, `b` is `ackedCount`, the payload is `read`. */
  Cursors: 2,
  /** One side's words of the `ControlBlock`. */
  Control: 3,
  /** The last entry of ledger `lane` of the worker: see `LedgerMirror`. */
  Entry: 4
} as const

const headerBytes = 16

/**
 * Makes the beginning of a record, whose payload follows.
 *
 * @category constructors
 * @since 0.1.0
 */
export const head = (kind: number, lane: number, a: number, b: number, payload: number): Uint8Array<ArrayBuffer> => {
  const head = make(kind, lane, a, b, 0)
  new Int32Array(head.buffer)[0] = payload
  return head
}

/**
 * Makes a record, its payload to be filled in from byte 16.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (kind: number, lane: number, a: number, b: number, payload: number): Uint8Array<ArrayBuffer> => {
  const record = new Uint8Array(headerBytes + payload)
  const header = new Int32Array(record.buffer, 0, 4)
  header[0] = payload
  header[1] = (lane << 4) | kind
  header[2] = a
  header[3] = b
  return record
}

/**
 * Makes a record around these bytes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = (kind: number, lane: number, a: number, b: number, payload: Uint8Array): Uint8Array<ArrayBuffer> => {
  const record = make(kind, lane, a, b, payload.length)
  record.set(payload, headerBytes)
  return record
}

/**
 * Takes a record: `payload` is only lent.
 *
 * @category models
 * @since 0.1.0
 */
export type Handler = (kind: number, lane: number, a: number, b: number, payload: Uint8Array) => void

/**
 * Finds the records in a stream that comes in pieces of any size. One that is whole in its piece is
 * not copied.
 *
 * @category models
 * @since 0.1.0
 */
export class RecordReader {
  private readonly handler: Handler
  private readonly header = new Int32Array(4)
  private readonly headerBytes = new Uint8Array(this.header.buffer)
  private filled = 0
  private payload: Uint8Array | undefined

  constructor(handler: Handler) {
    this.handler = handler
  }

  push(piece: Uint8Array): void {
    let at = 0
    while (at < piece.length) {
      if (this.filled < headerBytes) {
        const taken = Math.min(headerBytes - this.filled, piece.length - at)
        this.headerBytes.set(piece.subarray(at, at + taken), this.filled)
        this.filled += taken
        at += taken
        if (this.filled === headerBytes) this.begin()
        continue
      }
      const bytes = this.header[0]
      const done = this.filled - headerBytes
      const taken = Math.min(bytes - done, piece.length - at)
      if (taken === bytes) {
        this.handle(piece.subarray(at, at + bytes))
      } else {
        this.payload ??= new Uint8Array(bytes)
        this.payload.set(piece.subarray(at, at + taken), done)
        this.filled += taken
        if (done + taken === bytes) this.handle(this.payload)
      }
      at += taken
    }
  }

  private begin(): void {
    const [bytes] = this.header
    if (bytes < 0) throw new RingFault("corrupt", `mirror: a record of ${bytes} bytes`)
    if (bytes === 0) this.handle(new Uint8Array(0))
  }

  private handle(payload: Uint8Array): void {
    this.filled = 0
    this.payload = undefined
    const [, what, a, b] = this.header
    this.handler(what & 15, what >>> 4, a, b, payload)
  }
}
