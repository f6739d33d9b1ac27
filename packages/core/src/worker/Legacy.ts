/**
 * What a life finds in its mailbox and its predecessor had seen, in which order.
 *
 * Messages of a key group that came from another worker lie in a lane of the owner; what other threads send to the group
 * since then, in lanes of their own, they sent only when those were seen. Whoever reads all that again reads only the
 * lanes of the owner until it is past what lay in them when it began.
 *
 * State goes to another worker when all that was sent before is seen. Whoever is asked for it again, in the lane that goes
 * before all others, must not have it go without what it reads again.
 *
 * @since 0.1.0
 */
import type { ReceiverPort } from "../ring/ReceiverPort.ts"
import { isPast } from "./Sights.ts"

/**
 * @category models
 * @since 0.1.0
 */
export class Legacy {
  private readonly port: ReceiverPort
  private found: ReadonlyArray<number>

  /** @param found frames sent in each lane before this life began, modulo 2^32; `own` is how many of them are the owner's */
  constructor(port: ReceiverPort, found: ReadonlyArray<number>, own: number) {
    this.port = port
    this.found = found
    if (found.length > 0) port.reads = own
    this.look()
  }

  /** Whether something of it is not seen yet. */
  get waits(): boolean {
    return this.found.length > 0
  }

  /** Reads other lanes, too, once all that the owner sent is passed. */
  look(): void {
    const { found, port } = this
    if (found.length === 0) return
    if (port.reads !== Infinity && isPast(port, found.slice(0, port.reads))) port.reads = Infinity
    if (port.reads === Infinity && isPast(port, found)) this.found = []
  }
}
