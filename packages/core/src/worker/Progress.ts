/**
 * Acknowledging what is handled out of order: a message may be acknowledged only once all before
 * it in its lane are handled.
 *
 * @since 0.1.0
 */
import type { ReceiverPort } from "../ring/ReceiverPort.ts"
import type { FramePlace } from "./Safeguard.ts"

/**
 * A message that was taken from a lane and not yet acknowledged.
 *
 * @category models
 * @since 0.1.0
 */
export interface Taken {
  readonly lane: number
  /** Where its frame begins. */
  readonly start: number
  readonly position: number
  readonly count: number
  done: boolean
}

/**
 * The place of a message that was taken.
 *
 * @category accessors
 * @since 0.1.0
 */
export const placeOf = ({ count, lane }: Taken): FramePlace => ({ lane, number: (count - 1) | 0 })

/**
 * @category models
 * @since 0.1.0
 */
export class Progress {
  private readonly port: ReceiverPort
  private readonly lanes: Array<Array<Taken>> = []
  private readonly acknowledges: boolean
  /** Messages taken and not acknowledged. */
  outstanding = 0

  /** @param acknowledges false if somebody else does */
  constructor(port: ReceiverPort, acknowledges: boolean) {
    this.port = port
    this.acknowledges = acknowledges
  }

  /** Passes the frame that was found by `advance`, and notes it. */
  take(advance: () => void): Taken {
    const { lane, laneIndex } = this.port
    const start = lane.position
    advance()
    const taken: Taken = { lane: laneIndex, start, position: lane.position, count: lane.count, done: false }
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
    if (this.acknowledges) this.port.ackTo(last.lane, last.position, last.count)
  }

  /** The first message of a lane that is not done. */
  first(lane: number): Taken | undefined {
    return this.lanes[lane]?.[0]
  }

  /** Numbers of the messages in a lane that are done although one before them is not. */
  doneIn(lane: number): ReadonlyArray<number> {
    return (this.lanes[lane] ?? []).filter((taken) => taken.done).map((taken) => (taken.count - 1) | 0)
  }
}
