/**
 * Typed arrays as the bytes that messages carry, and back.
 *
 * @since 0.1.0
 */

/** The bytes themselves where they are aligned, else a copy. */
const aligned = (bytes: Uint8Array, size: number): Uint8Array => (bytes.byteOffset % size === 0 ? bytes : bytes.slice())

export const float64 = (bytes: Uint8Array): Float64Array => {
  const at = aligned(bytes, 8)
  return new Float64Array(at.buffer, at.byteOffset, at.byteLength >>> 3)
}

export const int32 = (bytes: Uint8Array): Int32Array => {
  const at = aligned(bytes, 4)
  return new Int32Array(at.buffer, at.byteOffset, at.byteLength >>> 2)
}

export const bytesOf = (array: ArrayBufferView<ArrayBuffer>): Uint8Array<ArrayBuffer> =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
