/**
 * A 53-bit counter in two shared 32-bit words, written by one thread and readable from any,
 * without a read-modify-write and without 64-bit atomics (those allocate a BigInt each).
 *
 * The low word holds bits 0 to 31, the high word bits 31 to 52: bit 31 is in both. The writer
 * stores low, then high; a reader that finds the two copies of bit 31 different has met the
 * writer between its two stores, so the high word is one behind.
 *
 * @since 0.1.0
 */
import type { ByteMemory } from "./ByteMemory.ts"

const half = 0x80000000

/**
 * Publishes `value`; `previous` is what this writer published last.
 *
 * @category accessors
 * @since 0.1.0
 */
export const publish = (memory: ByteMemory, index: number, value: number, previous: number): void => {
  memory.seam.store(memory.i32, index, value | 0)
  const high = Math.floor(value / half)
  if (high !== Math.floor(previous / half)) memory.seam.store(memory.i32, index + 1, high)
}

/**
 * Reads a counter that another thread may be publishing. Exact while fewer than 2^31 counts pass
 * between its two loads.
 *
 * @category accessors
 * @since 0.1.0
 */
export const read = (memory: ByteMemory, index: number): number => {
  const high = memory.seam.load(memory.i32, index + 1)
  const low = memory.seam.load(memory.i32, index) >>> 0
  return (low >>> 31 === (high & 1) ? high : high + 1) * half + (low & 0x7fffffff)
}

/**
 * What a writer that takes a counter over begins with. A predecessor that died between its two
 * stores left the high word behind; it is put right here, because the next writer would not
 * touch it before the low word crosses its next boundary, and a reader would then be 2^32 short.
 *
 * @category accessors
 * @since 0.1.0
 */
export const resume = (memory: ByteMemory, index: number): number => {
  const value = read(memory, index)
  memory.seam.store(memory.i32, index + 1, Math.floor(value / half))
  return value
}
