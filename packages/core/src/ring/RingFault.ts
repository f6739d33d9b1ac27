/**
 * What a ring throws when shared memory is not what it must be. Rings know neither Effect nor
 * channels, so the layer above turns a fault into the tagged error that fits its operation.
 *
 * @since 0.1.0
 */

/**
 * - `layout`: the header of the mesh does not describe this memory
 * - `corrupt`: a frame's header, length or sequence number is impossible
 * - `refused`: an endpoint is taken, closed or unknown
 *
 * @category models
 * @since 0.1.0
 */
export type RingFaultReason = "layout" | "corrupt" | "refused"

/**
 * @category errors
 * @since 0.1.0
 */
export class RingFault extends Error {
  override readonly name = "RingFault"
  readonly reason: RingFaultReason
  /** Byte offset from the start of the shared memory, or -1 where no place is to blame. */
  readonly offset: number

  constructor(reason: RingFaultReason, detail: string, offset = -1) {
    super(detail)
    this.reason = reason
    this.offset = offset
  }
}
