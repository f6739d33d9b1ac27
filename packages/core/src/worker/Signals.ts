/**
 * What whoever asked a streaming request tells its worker while the answer is under way: how many of
 * its parts were taken, or that nobody wants any more.
 *
 * A mailbox cannot carry that: its worker does not read on before the answer is complete.
 *
 * | bytes | field |
 * |---|---|
 * | 0–3 | number of the request |
 * | 4–7 | how many parts of its answer were taken so far, modulo 2³¹, or `left` |
 *
 * @since 0.1.0
 */
import type { FrameCodec } from "../channel/FrameCodec.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Signal {
  request: number
  taken: number
}

/**
 * Nobody wants the rest.
 *
 * @category constants
 * @since 0.1.0
 */
export const left = -1

/**
 * How many more parts one number counts than another that it counts up from.
 *
 * @category accessors
 * @since 0.1.0
 */
export const difference = (sent: number, taken: number): number => (sent - taken) & 0x7fffffff

/**
 * Most parts of an answer that are on their way, or wait to be taken.
 *
 * @category constants
 * @since 0.1.0
 */
export const window = 32

/**
 * Parts after which the worker is told how many were taken.
 *
 * @category constants
 * @since 0.1.0
 */
export const tellEvery = 8

/**
 * Bytes of the ring for the signals of one worker.
 *
 * @category constants
 * @since 0.1.0
 */
export const laneBytes = 4096

/**
 * @category constants
 * @since 0.1.0
 */
export const codec: FrameCodec<Signal> = {
  fixedSize: 8,
  mayAttach: false,
  bound: () => 8,
  write: ({ i32 }, offset, { request, taken }) => {
    i32[offset >> 2] = request
    i32[(offset >> 2) + 1] = taken
    return offset + 8
  },
  read: ({ i32 }, offset) => ({ request: i32[offset >> 2], taken: i32[(offset >> 2) + 1] })
}
