/**
 * Placeholder of the contract; replaced by the implementation.
 */
import type { ByteMemory } from "../ring/ByteMemory.ts"

export interface Codec<in out A> {
  readonly fingerprint: readonly [number, number]
  /** Bytes of every encoding when they are all of one size, else undefined. */
  readonly fixedSize: number | undefined
  /** Upper bound of the encoding of `value`, in bytes. */
  readonly bound: (value: A) => number
  /** Writes at `offset` (a multiple of 8) and returns the offset after the last byte. */
  readonly write: (memory: ByteMemory, offset: number, value: A) => number
  /** Reads the bytes from `offset` (a multiple of 8) to `end`. */
  readonly read: (memory: ByteMemory, offset: number, end: number) => A
}
