/**
 * What a life finds in its mailbox and its predecessor had seen, in which order.
 *
 * Messages of a key group that came from another worker lie in a lane of the owner; what other threads send to the group
 * since then, in lanes of their own, they sent only when those were seen. Whoever reads all that again reads only the
 * lanes of the owner until it is past what lay in them when it began.
 *
 * @since 0.1.0
 */
import type { ReceiverPort } from "../ring/ReceiverPort.ts"

/**
 * @category models
 * @since 0.1.0
 */
export class Legacy {
  private readonly port: ReceiverPort
  private found: ReadonlyArray<number>

  /** @param found frames sent in each lane of the owner before this life began, modulo 2^32 */
  constructor(port: ReceiverPort, found: ReadonlyArray<number>) {
    this.port = port
    this.found = found
    if (found.length > 0) port.reads = found.length
    this.look()
  }

  /** Reads other lanes, too, once all of it is passed. */
  look(): void {
    if (this.found.length === 0) return
    const marks = this.port.marks()
    if (!this.found.every((count, lane) => ((marks[lane].count - count) | 0) >= 0)) return
    this.found = []
    this.port.reads = Infinity
  }
}
