/**
 * What a supervised worker owes its owner for each frame that it takes: a word about which one is
 * in hand, so that a death can be put down to it; and, where state is saved, a snapshot before any
 * acknowledgement.
 *
 * A snapshot says of which messages it has the effects. The worker acknowledges those only when the
 * owner has it: whatever dies when, a successor begins with the last snapshot, passes what is in it
 * already, and handles all that is not.
 *
 * @since 0.1.0
 */
import type { WorkerPanicked } from "../errors/Errors.ts"
import { type ControlBlock, several } from "../ring/ControlBlock.ts"
import type { Mark, ReceiverPort } from "../ring/ReceiverPort.ts"
import { type Codec, encode } from "../codec/Codec.ts"
import { deadlinePhase } from "./Invoker.ts"
import type { Progress, Taken } from "./Progress.ts"
import type { Safeguard, Saved } from "./Safeguard.ts"

const placeOf = (lane: number, number: number): string => `${lane}:${number}`

/**
 * @category models
 * @since 0.1.0
 */
export class Custody {
  readonly guard: Safeguard
  /** Whether a snapshot is to be taken before another message. */
  due = false
  /** Whether frames may have to be passed because the state that was restored has their effect. */
  readonly skips: boolean
  /** Whether no frame is over. */
  readonly plain: boolean
  /** Whether acknowledging waits for snapshots. */
  readonly saves: boolean
  private readonly control: ControlBlock
  private readonly port: ReceiverPort
  private readonly progress: Progress
  private readonly ring: () => void
  private readonly every: number
  private readonly over: Set<string>
  private readonly done: Set<string>
  private readonly counts: ReadonlyArray<number> | undefined
  private since = 0
  private number = 0
  private awaited: Array<Mark> | undefined
  private timer: ReturnType<typeof setTimeout> | undefined

  /** @param ring wakes the worker */
  constructor(guard: Safeguard, control: ControlBlock, port: ReceiverPort, progress: Progress, ring: () => void) {
    const { done = [] } = guard.resume ?? {}
    this.guard = guard
    this.control = control
    this.port = port
    this.progress = progress
    this.ring = ring
    this.every = guard.snapshots?.every ?? Infinity
    this.over = new Set(guard.over.map(({ lane, number }) => placeOf(lane, number)))
    this.done = new Set(Array.from({ length: done.length / 2 }, (_, i) => placeOf(done[2 * i], done[2 * i + 1])))
    this.counts = guard.resume?.counts
    this.number = guard.saved
    this.skips = this.counts !== undefined
    this.plain = this.over.size === 0
    this.saves = guard.snapshots !== undefined
  }

  /** Whether its owner decides about messages that fail, or about key groups. */
  get asks(): boolean {
    const { deadlineMillis, gate, retries } = this.guard
    return retries || deadlineMillis > 0 || gate !== undefined
  }

  /** Whether its owner decides about a message that failed so. */
  decides(error: WorkerPanicked): boolean {
    return this.guard.retries || error.phase === deadlinePhase
  }

  /** Takes the frame that the port found in hand. */
  begin(): void {
    const { port } = this
    this.control.begin(port.laneIndex, port.lane.count)
    if (this.saves) this.touch()
  }

  /** Passes the frame that the port found if the state that was restored has its effect. */
  skip(advance: () => void): boolean {
    const { counts, port } = this
    if (counts === undefined) return false
    const { lane, laneIndex } = port
    const count = counts[laneIndex]
    if (count !== undefined && ((count - lane.count) | 0) > 0) {
      advance()
      // Nothing before it is left to be done: it is the first of its lane.
      port.ackTo(laneIndex, lane.position, lane.count)
      // Once that is acknowledged nobody may go back behind it, as a snapshot of before would.
      if (this.awaited !== undefined && laneIndex < this.awaited.length) {
        this.awaited[laneIndex] = { position: lane.position, count: lane.count }
      }
      return true
    }
    if (this.done.size === 0 || !this.done.delete(placeOf(laneIndex, lane.count))) return false
    this.progress.done(this.progress.take(advance))
    return true
  }

  /** A frame that was taken before is in hand again. */
  mark(taken: Taken): void {
    this.control.retake(taken.lane, taken.number)
    this.touch()
  }

  /**
   * A batch is in hand, which may have waited: of one frame, this one; of several, its end cannot be put down to any
   * of them. They are taken one at a time after it.
   */
  batch(size: number, lane: number, number: number): void {
    this.control.begin(size > 1 ? several : lane, number)
  }

  /** What was taken before is in hand together: one frame, or several. */
  hold(all: ReadonlyMap<Taken, unknown>): void {
    const [first] = all.keys()
    this.control.retake(all.size === 1 ? first.lane : several, first.number)
  }

  /** The frame in hand. */
  get lane(): number {
    return this.control.lane
  }

  get frame(): number {
    return this.control.number
  }

  /** Whether the frame that the port found must not be handled. */
  isOver(): boolean {
    return this.over.size > 0 && this.over.has(placeOf(this.port.laneIndex, this.port.lane.count))
  }

  /** Nothing is in its hands. */
  rest(): void {
    this.control.rest()
  }

  /** The state is about to differ from the last snapshot. */
  touch(): void {
    if (this.since === 0 && this.guard.snapshots !== undefined) this.begun(this.guard.snapshots.millis)
    if (++this.since >= this.every) this.due = true
  }

  /** The state differs from the last snapshot, and its owner waits for the next. */
  hurry(): void {
    this.touch()
    this.due = this.saves
  }

  private begun(millis: number): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined
      if (this.since === 0) return
      this.due = true
      this.ring()
    }, millis)
  }

  /** Whether the state differs from the last snapshot, and a sender could be waiting for that. */
  get pressed(): boolean {
    return this.since > 0 && this.saves && this.port.pressed
  }

  /** Whether a snapshot may be taken now, or must wait for the owner to take the last one. */
  get ready(): boolean {
    this.confirm()
    return this.awaited === undefined
  }

  /** Acknowledges what the owner has a snapshot of. */
  confirm(): void {
    if (this.control.kept === this.number) this.acknowledge()
  }

  /** Acknowledges what the last snapshot has the effects of. */
  acknowledge(): void {
    if (this.awaited === undefined) return
    for (const [lane, { count, position }] of this.awaited.entries()) this.port.ackTo(lane, position, count)
    this.awaited = undefined
  }

  /** Whether the owner has said that it has the snapshot, and nobody has looked yet. */
  get confirmed(): boolean {
    return this.awaited !== undefined && this.control.kept === this.number
  }

  /** Encodes a snapshot, to be sent under the number that `saved` returns next. */
  save(codec: Codec<unknown>, state: unknown): Saved {
    const bytes = encode(codec, state)
    const marks = this.port.marks()
    const done: Array<number> = []
    for (let lane = 0; lane < marks.length; lane++) {
      const first = this.progress.first(lane)
      if (first === undefined) continue
      marks[lane] = { position: first.start, count: first.number }
      for (const number of this.progress.doneIn(lane)) done.push(lane, number)
    }
    this.awaited = marks
    // The state still has the effects that it was restored with, of frames that were not passed again so far.
    for (const place of this.done) done.push(...place.split(":").map(Number))
    const { counts: restored = [] } = this
    const counts = Array.from({ length: Math.max(marks.length, restored.length) }, (_, lane) => {
      const passed = marks[lane]?.count ?? 0
      const before = restored[lane] ?? passed
      return ((before - passed) | 0) > 0 ? before : passed
    })
    return { state: bytes, counts, done }
  }

  /** The number of the snapshot that was just encoded. */
  saved(): number {
    this.number = (this.number + 1) | 0
    this.since = 0
    this.due = false
    return this.number
  }

  close(): void {
    if (this.timer !== undefined) clearTimeout(this.timer)
    this.timer = undefined
  }
}
