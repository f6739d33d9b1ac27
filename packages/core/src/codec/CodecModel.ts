/**
 * What a codec is, apart from how one is made.
 *
 * @since 0.1.0
 */
import type { ByteMemory } from "../ring/ByteMemory.ts"
import type { ReadRun, WriteRun } from "../ring/Run.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Codec<in out A> {
  /** Hash of the layout: ends whose fingerprints differ do not understand each other. */
  readonly fingerprint: readonly [number, number]
  /** Bytes of every encoding when they are all of one size, else undefined. */
  readonly fixedSize: number | undefined
  /** Whether a value can put buffers into `ByteMemory.attachments`. */
  readonly mayAttach: boolean
  /** Whether a value can carry shared memory, which no other process has. */
  readonly mayShare: boolean
  /** The layout in words: one line a field, with its path, its form and its offset. */
  readonly layout: string
  /**
   * Upper bound of the encoding of `value`, in bytes; moved bytes do not count. Never throws on a
   * value that does not fit: `write` tells what is wrong with it.
   */
  readonly bound: (value: A) => number
  /**
   * Writes at `offset` (a multiple of 8) and returns the offset after the last byte. Throws a
   * `CodecError` if the value does not fit the schema; nothing is attached then.
   */
  readonly write: (memory: ByteMemory, offset: number, value: A) => number
  /**
   * Reads the encoding from `offset` (a multiple of 8) to `end`, which is what `write` returned.
   * Throws a `CodecError` if the bytes are no encoding.
   */
  readonly read: (memory: ByteMemory, offset: number, end: number) => A
  /** `write` for a run of messages; undefined where the loop of `ring/Run.ts` has to do. */
  readonly writeRun: WriteRun<A> | undefined
  /** `read` for a run of frames; undefined where the loop of `ring/Run.ts` has to do. */
  readonly readRun: ReadRun<A> | undefined
}
