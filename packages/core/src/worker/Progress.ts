/**
 * Acknowledging what is handled out of order: a message may be acknowledged only once all before
 * it in its lane are handled.
 *
 * @since 0.1.0
 */
import type { ReceiverPort } from "../ring/ReceiverPort.ts"

/**
 * A message that was taken from a lane and not yet acknowledged.
 *
 * @category models
 * @since 0.1.0
 */
export interface Taken {
  readonly lane: number
  readonly position: number
  readonly count: number
  done: boolean
}

/**
 * @category models
 * @since 0.1.0
 */
export class Progress {
  private readonly port: ReceiverPort
  private readonly lanes: Array<Array<Taken>> = []
  /** Messages taken and not acknowledged. */
  outstanding = 0

  constructor(port: ReceiverPort) {
    this.port = port
  }

  /** Notes the frame that the port was just advanced over. */
  take(): Taken {
    const { lane, laneIndex } = this.port
    const taken: Taken = { lane: laneIndex, position: lane.position, count: lane.count, done: false }
    ;(this.lanes[laneIndex] ??= []).push(taken)
    this.outstanding += 1
    return taken
  }

  /** Notes that a message was handled, and acknowledges as far as its lane is handled. */
  done(taken: Taken): void {
    taken.done = true
    const lane = this.lanes[taken.lane]
    let last: Taken | undefined
    let passed = 0
    while (passed < lane.length && lane[passed].done) last = lane[passed++]
    if (last === undefined) return
    lane.splice(0, passed)
    this.outstanding -= passed
    this.port.ackTo(last.lane, last.position, last.count)
  }
}
