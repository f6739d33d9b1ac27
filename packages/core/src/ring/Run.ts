/**
 * Runs of frames: how a lane writes or reads many frames of one kind in one loop over local variables.
 *
 * A run leaves everything that is not plain going to its lane: a frame that would straddle the end of
 * the ring, a ring that is full or empty as far as its lane knows, a frame of another kind or number.
 *
 * A codec may bring loops of its own (`Encoder.writeRun`, `Decoder.readRun`) that do the same. An
 * engine compiles those for that one codec; the loops here serve all codecs of a thread, so their calls
 * stay calls.
 *
 * @since 0.1.0
 */
import type { ByteMemory } from "./ByteMemory.ts"
import { unitsOf } from "./Frame.ts"

/**
 * Where a lane stands: what a run reads when it begins, and writes back when it ends or throws.
 *
 * @category models
 * @since 0.1.0
 */
export class Run {
  readonly memory: ByteMemory
  /** The first unit of the lane's data in `memory`. A unit is 8 bytes. */
  readonly dataUnit: number
  /** Units of the lane's data, a power of two. */
  readonly capacity: number
  /** The unit of the next frame, modulo 2^32. */
  position = 0
  /** The number of the next frame, modulo 2^32. */
  sequence = 0
  /** The unit that the run must not pass: where room, or what was published, ends. */
  end = 0

  constructor(memory: ByteMemory, dataUnit: number, capacity: number) {
    this.memory = memory
    this.dataUnit = dataUnit
    this.capacity = capacity
  }
}

/**
 * How a message becomes bytes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Encoder<in A> {
  /** Bytes of every encoding when they are all of one size. */
  readonly fixedSize: number | undefined
  /** Upper bound of an encoding, in bytes. */
  readonly bound: (value: A) => number
  /** Writes at `offset` and returns the offset after the last byte. */
  readonly write: (memory: ByteMemory, offset: number, value: A) => number
  /** What `writeRun` of this module does with this encoder. */
  readonly writeRun?: WriteRun<A> | undefined
}

/**
 * How bytes become a message.
 *
 * @category models
 * @since 0.1.0
 */
export interface Decoder<out A> {
  /** Reads the encoding between two offsets. */
  readonly read: (memory: ByteMemory, offset: number, end: number) => A
  /** What `readRun` of this module does with this decoder. */
  readonly readRun?: ReadRun<A> | undefined
}

/**
 * Writes messages `from` to `to`; returns the index of the first that it did not write. Throws what the
 * encoder throws, with the run behind the messages before.
 *
 * @category models
 * @since 0.1.0
 */
export type WriteRun<in A> = (run: Run, kind: number, messages: ReadonlyArray<A>, from: number, to: number) => number

/**
 * Reads frames into `out` from index `from` until index `to`; returns the index after the last. Throws what the
 * decoder throws, with the run before the frame to blame.
 *
 * @category models
 * @since 0.1.0
 */
export type ReadRun<out A> = (run: Run, kind: number, out: Array<A>, from: number, to: number) => number

/**
 * `WriteRun` for any encoder.
 *
 * @category running
 * @since 0.1.0
 */
export const writeRun = <A>(
  encoder: Encoder<A>,
  run: Run,
  kind: number,
  messages: ReadonlyArray<A>,
  from: number,
  to: number
): number => {
  const { capacity, dataUnit, end, memory } = run
  const { i32 } = memory
  const mask = capacity - 1
  const fixed = encoder.fixedSize
  let { position, sequence } = run
  let index = from
  try {
    for (; index < to; index++) {
      const message = messages[index]
      const bound = fixed ?? encoder.bound(message)
      const start = position & mask
      const units = unitsOf(bound)
      if (units > capacity - start || units > ((end - position) | 0)) break
      const at = (dataUnit + start) << 1
      const offset = (at << 2) + 8
      const bytes = encoder.write(memory, offset, message) - offset
      i32[at] = (bytes << 4) | kind
      i32[at + 1] = sequence
      position = (position + unitsOf(bytes)) | 0
      sequence = (sequence + 1) | 0
    }
    return index
  } finally {
    run.position = position
    run.sequence = sequence
  }
}

/**
 * `ReadRun` for any decoder.
 *
 * @category running
 * @since 0.1.0
 */
export const readRun = <A>(
  decoder: Decoder<A>,
  run: Run,
  kind: number,
  out: Array<A>,
  from: number,
  to: number
): number => {
  const { capacity, dataUnit, end, memory } = run
  const { i32 } = memory
  const mask = capacity - 1
  let { position, sequence } = run
  let index = from
  try {
    for (; index < to && position !== end; index++) {
      const start = position & mask
      const at = (dataUnit + start) << 1
      const head = i32[at]
      const length = head >>> 4
      const units = unitsOf(length)
      if (
        (head & 15) !== kind ||
        i32[at + 1] !== sequence ||
        units > ((end - position) | 0) ||
        units > capacity - start
      ) {
        break
      }
      const offset = (at << 2) + 8
      out[index] = decoder.read(memory, offset, offset + length)
      position = (position + units) | 0
      sequence = (sequence + 1) | 0
    }
    return index
  } finally {
    run.position = position
    run.sequence = sequence
  }
}
