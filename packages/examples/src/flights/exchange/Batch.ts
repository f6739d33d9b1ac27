/**
 * The message from a thread that reads to a thread that aggregates: some thousand flights as
 * columns of bytes. A message for each flight would cost more than the work on it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/** The most flights in a batch; a batch's names are indexed by 16 bits. */
export const maxRows = 1 << 16

export const Batch = Schema.Struct({
  /** The distinct keys in this batch. */
  names: Schema.Array(Schema.String),
  /** Uint16Array: index in `names` for each flight. */
  keys: Schema.Uint8Array,
  /** Float64Array: ms since the epoch for each flight. */
  times: Schema.Uint8Array,
  /** Int32Array: minutes for each flight. */
  delays: Schema.Uint8Array
})
export type Batch = typeof Batch.Type

/** A typed array over bytes that a message brought, copied only where they are not aligned. */
export const aligned = (bytes: Uint8Array, size: number): Uint8Array =>
  bytes.byteOffset % size === 0 ? bytes : bytes.slice()

export const float64 = (bytes: Uint8Array): Float64Array => {
  const at = aligned(bytes, 8)
  return new Float64Array(at.buffer, at.byteOffset, at.byteLength >>> 3)
}

export const int32 = (bytes: Uint8Array): Int32Array => {
  const at = aligned(bytes, 4)
  return new Int32Array(at.buffer, at.byteOffset, at.byteLength >>> 2)
}

export const uint16 = (bytes: Uint8Array): Uint16Array => {
  const at = aligned(bytes, 2)
  return new Uint16Array(at.buffer, at.byteOffset, at.byteLength >>> 1)
}

export const bytesOf = (array: ArrayBufferView<ArrayBuffer>): Uint8Array<ArrayBuffer> =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
