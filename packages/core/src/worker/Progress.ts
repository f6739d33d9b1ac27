/**
 * Acknowledging what is handled out of order: a message may be acknowledged only once all before
 * it in its lane are handled.
 *
 * @since 0.1.0
 */
import type { ReceiverPort } from "../ring/ReceiverPort.ts"
import type { FramePlace } from "./Safeguard.ts"

/**
 * A message that was taken from a lane and not yet acknowledged, or a run of messages that follow each other in it and
 * are done together.
 *
 * @category models
 * @since 0.1.0
 */
export interface Taken {
  readonly lane: number
  /** The number of the first. */
  readonly number: number
  /** Where the first begins. */
  readonly start: number
  /** How far its lane was passed with the last: what `ackTo` takes. */
  position: number
  count: number
  done: boolean
}

const sizeOf = ({ count, number }: Taken): number => (count - number) | 0

/**
 * The place of a message that was taken.
 *
 * @category accessors
 * @since 0.1.0
 */
export const placeOf = ({ lane, number }: Taken): FramePlace => ({ lane, number })

/**
 * @category models
 * @since 0.1.0
 */
export class Progress {
  private readonly port: ReceiverPort
  private readonly lanes: Array<Array<Taken>> = []
  private readonly acknowledges: boolean
  /** Messages and runs taken and not acknowledged. */
  outstanding = 0

  /** @param acknowledges false if somebody else does */
  constructor(port: ReceiverPort, acknowledges: boolean) {
    this.port = port
    this.acknowledges = acknowledges
  }

  /** Passes the frame that was found by `advance`, and notes it. */
  take(advance: () => void): Taken {
    const { lane, laneIndex } = this.port
    const { count: number, position: start } = lane
    advance()
    const taken: Taken = { lane: laneIndex, number, start, position: lane.position, count: lane.count, done: false }
    ;(this.lanes[laneIndex] ??= []).push(taken)
    this.outstanding += 1
    return taken
  }

  /** As `take`, but adds the frame to a run if it is the next of its lane. */
  takeOn(run: Taken | undefined, advance: () => void): Taken {
    const { lane, laneIndex } = this.port
    if (run === undefined || run.lane !== laneIndex || run.count !== lane.count) return this.take(advance)
    advance()
    run.position = lane.position
    run.count = lane.count
    return run
  }

  /** Takes runs apart, as their messages are to be done one by one; `ends` are the positions after each message. */
  split(runs: ReadonlyArray<Taken>, ends: ReadonlyArray<number>): ReadonlyArray<Taken> {
    const all: Array<Taken> = []
    for (const run of runs) {
      const { lane, number } = run
      let { start } = run
      const parts = Array.from({ length: sizeOf(run) }, (_, at): Taken => {
        const position = ends[all.length + at]
        const part = { lane, number: (number + at) | 0, start, position, count: (number + at + 1) | 0, done: false }
        start = position
        return part
      })
      this.lanes[lane].splice(this.lanes[lane].indexOf(run), 1, ...parts)
      this.outstanding += parts.length - 1
      all.push(...parts)
    }
    return all
  }

  /** Notes that a message or a run was handled, and acknowledges as far as its lane is handled. */
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

  /** The first message or run of a lane that is not done. */
  first(lane: number): Taken | undefined {
    return this.lanes[lane]?.[0]
  }

  /** Numbers of the messages in a lane that are done although one before them is not. */
  doneIn(lane: number): ReadonlyArray<number> {
    return (this.lanes[lane] ?? []).flatMap((taken) =>
      taken.done ? Array.from({ length: sizeOf(taken) }, (_, at) => (taken.number + at) | 0) : []
    )
  }
}
