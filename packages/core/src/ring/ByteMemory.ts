/**
 * Typed views of one block of memory, shared or not, under one seam.
 *
 * Codecs write into and read out of a `ByteMemory` at byte offsets, so the same compiled code
 * serves a ring, a standalone frame and a test. The views are plain fields: an engine keeps them
 * in registers across a batch.
 *
 * @since 0.1.0
 */
import { native, type Seam } from "./atomics.ts"

/**
 * @category models
 * @since 0.1.0
 */
export class ByteMemory {
  readonly buffer: ArrayBufferLike
  readonly seam: Seam
  readonly u8: Uint8Array
  readonly i32: Int32Array
  /**
   * `i32` again, for hints: plain looks at words that other threads write at the same time. They cost a tenth of an atomic
   * load, and may be late: whoever goes by a hint takes an atomic look now and then, and before each sleep.
   */
  readonly hints: Int32Array
  readonly f64: Float64Array
  readonly view: DataView
  /**
   * Buffers that travel beside the frame being written or read, not inside it. A codec appends to
   * it on write and takes from it by index on read; whoever frames the bytes empties it.
   */
  attachments: Array<ArrayBufferLike> = []

  constructor(buffer: ArrayBufferLike, seam: Seam = native) {
    this.buffer = buffer
    this.seam = seam
    this.u8 = new Uint8Array(buffer)
    this.i32 = new Int32Array(buffer, 0, buffer.byteLength >>> 2)
    this.hints = this.i32
    this.f64 = new Float64Array(buffer, 0, buffer.byteLength >>> 3)
    this.view = new DataView(buffer)
  }
}
