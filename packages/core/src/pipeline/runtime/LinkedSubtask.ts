/**
 * Runs a subtask whose frames come and go through lanes, until its inputs have ended: takes what has
 * come, writes what that made, shows it, and waits. It never takes more while it has no room.
 *
 * With a ledger nothing is shown and nothing is acknowledged before an entry says so; a small state is
 * saved at every turn, a large one when it is time, when whoever sends waits, or when there is
 * nothing else to do, and never so often that saving takes more than a fifth of the time.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Codec from "../../codec/Codec.ts"
import type { Entry, Ledger, Written } from "../../worker/ties/Ledger.ts"
import { detailOf, PipelineFailed, toFailed } from "../PipelineFailed.ts"
import { nameOf } from "../plan/Plan.ts"
import { decode, PlainWriter } from "../state/Plain.ts"
import type { Frame } from "./Frame.ts"
import type { Inlet } from "./Inlet.ts"
import type { Link } from "./Link.ts"
import { Slot, type Turns } from "./Slot.ts"
import type { SourcePosition } from "./sources.ts"
import type { Subtask, SubtaskSnapshot } from "./Subtask.ts"
import { Uplink } from "./Uplink.ts"

/** Frames that are shown together: each time may wake a thread, which costs more than a frame. */
const showAtOnce = 4

/** Frames after which it looks at clock, commands and ledger. */
const framesOfTurn = 32

/** The same where others of its thread want their turn: what it makes for them should not wait long. */
const framesOfSharedTurn = 8

/** Milliseconds after which its event loop has a turn. */
const turnMillis = 4

/**
 * Milliseconds that incomplete batches and watermarks wait while there is more to take: each may wake a
 * thread. Not with a ledger, whose entries want them told.
 */
const lingerMillis = 4

/** Bytes of a state that is saved at every turn. */
const smallState = 2048

/** How many times longer than saving takes it works before it saves again. */
const restFactor = 4

/**
 * What an entry's state holds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Saved {
  readonly subtask: SubtaskSnapshot
  readonly source: SourcePosition | undefined
  /** Encoded frames that had no room: by target, in order. */
  readonly waiting: ReadonlyArray<ReadonlyArray<Uint8Array>>
}

/** One target of one outlet. */
interface Target {
  readonly link: Link
  readonly frames: Array<Frame>
  /** Its place in an entry. */
  readonly at: number
}

/**
 * What the subtask that wrote an entry has left.
 *
 * @category accessors
 * @since 0.1.0
 */
export const savedIn = ({ state }: Entry): Saved => decode(state) as Saved

/**
 * @category models
 * @since 0.1.0
 */
export class LinkedSubtask {
  readonly subtask: Subtask
  private readonly inlet: Inlet
  private readonly targets: ReadonlyArray<Target>
  private readonly ledger: Ledger | undefined
  private readonly now: () => number
  private readonly slot: Slot
  private readonly turns: Turns
  private readonly writer = new PlainWriter()
  private readonly written: ReadonlyArray<Written>
  /** Whether something was taken since the last entry, and when; and how many elements were handled by then. */
  private dirtySince = Infinity
  private receivedThen = 0
  private stateBytes = 0
  private savedAt = -Infinity
  private savingMillis = 0

  /**
   * @param links by outlet and target; undefined where nothing is ever sent
   * @param ledger with one, all links are lanes
   * @param slot the subtasks of its thread; it is alone if absent
   */
  constructor(
    subtask: Subtask,
    inlet: Inlet,
    links: ReadonlyArray<ReadonlyArray<Link | undefined>>,
    ledger: Ledger | undefined,
    now: () => number,
    slot: Slot = new Slot()
  ) {
    this.subtask = subtask
    this.inlet = inlet
    this.ledger = ledger
    this.now = now
    this.slot = slot
    this.turns = slot.join()
    let places = 0
    this.targets = links.flatMap((own, outlet) =>
      own.flatMap((link, target): ReadonlyArray<Target> => {
        const at = places++
        return link === undefined ? [] : [{ link, frames: subtask.outlets[outlet].ready[target], at }]
      })
    )
    this.written = Array.from({ length: places }, () => ({ position: 0, late: 0 }))
  }

  /** Begins where the entry of a predecessor ends. */
  resume({ written }: Entry, saved: Saved): void {
    this.subtask.restore(saved.subtask)
    for (const { at, frames, link } of this.targets) {
      if (!(link instanceof Uplink)) continue
      for (const bytes of saved.waiting[at].slice(written[at].late)) frames.push(Codec.decode(link.codec, bytes))
    }
    this.countWaiting()
    // Nobody sees what is written now before an entry tells of it, also if nothing more is taken.
    if (this.waiting) this.dirtySince = performance.now()
    this.receivedThen = saved.subtask.received
  }

  readonly run: Effect.Effect<void, unknown> = Effect.suspend(() => this.loop).pipe(
    Effect.catchDefect((defect) => Effect.fail(toFailed(nameOf(this.subtask.chain))(defect)))
  )

  private readonly loop = Effect.gen({ self: this }, function* () {
    const { inlet, ledger, slot, subtask, turns } = this
    const most = slot.isShared ? framesOfSharedTurn : framesOfTurn
    let turnBegan = performance.now()
    let flushedAt = turnBegan
    let gaveTurn = false
    // What a predecessor left unsent.
    if (this.waiting) yield* this.send
    for (;;) {
      let taken = 0
      for (; taken < most && !subtask.done; taken++) {
        const frame = inlet.next()
        if (frame === undefined) break
        turns.working = true
        // Whoever sends goes on while this is handled; with a ledger it counts only once it is saved.
        if (ledger === undefined) inlet.ack()
        const work = subtask.accept(frame)
        if (work !== undefined) {
          // It may take its time: what is ready does not wait for it. An entry has to, for it is not done.
          if (ledger === undefined) {
            subtask.flush()
            if (this.waiting) yield* this.send
          }
          turns.working = false
          yield* work
          // What it made does not wait for more that may take as long.
          if (ledger !== undefined) {
            taken++
            break
          }
        }
        if (subtask.waiting >= showAtOnce && this.waiting) yield* this.send
      }
      const time = this.now()
      if (subtask.due <= time) {
        const work = subtask.clock(time)
        if (work !== undefined) yield* work
        taken++
      }
      if (taken === 0 && !gaveTurn && inlet.position !== undefined) {
        // A source that has more to give needs its turn for it.
        gaveTurn = true
        yield* Effect.yieldNow
        turnBegan = performance.now()
        continue
      }
      gaveTurn = false
      const at = performance.now()
      if (ledger !== undefined || taken === 0 || subtask.done || at - flushedAt >= lingerMillis) {
        subtask.flush()
        flushedAt = at
      }
      if (this.waiting) yield* this.send
      if (ledger !== undefined) {
        if (taken > 0 && this.dirtySince === Infinity) this.dirtySince = at
        if (this.isDue(ledger, at, taken === 0)) this.save()
      }
      if (subtask.done) {
        turns.working = false
        return
      }
      if (taken === 0) {
        yield* this.pause
        turnBegan = performance.now()
      } else if (slot.isShared || at - turnBegan > turnMillis) {
        yield* Effect.yieldNow
        turnBegan = performance.now()
      }
    }
  })

  private get waiting(): boolean {
    return this.subtask.waiting > 0
  }

  /** Waits for a frame, or for a moment at which something is due. */
  private readonly pause: Effect.Effect<void, unknown> = Effect.suspend(() => {
    const { dirtySince, inlet, ledger, slot, subtask, turns } = this
    const due = subtask.due - this.now()
    const save = ledger === undefined || dirtySince === Infinity ? Infinity : this.restUntil - performance.now()
    const millis = Math.max(0, Math.min(due, save))
    return slot.rest(turns, millis === Infinity ? inlet.wait : Effect.raceFirst(inlet.wait, Effect.sleep(millis)))
  })

  /** Until when saving is to rest. */
  private get restUntil(): number {
    return this.savedAt + restFactor * this.savingMillis
  }

  private isDue({ every, millis }: Ledger, at: number, isIdle: boolean): boolean {
    const { dirtySince, inlet, subtask } = this
    if (dirtySince === Infinity) return false
    if (subtask.done || this.stateBytes <= smallState) return true
    if (at < this.restUntil) return false
    return isIdle || inlet.pressed || at - dirtySince >= millis || subtask.received - this.receivedThen >= every
  }

  /** Writes what the subtask has put out, waiting for room. */
  private readonly send: Effect.Effect<void, PipelineFailed> = Effect.suspend(() => {
    const full = this.write()
    if (full === undefined) {
      if (this.ledger === undefined) this.publish()
      return Effect.void
    }
    // Nobody makes room for what nobody sees.
    if (this.ledger === undefined) this.publish()
    else {
      this.subtask.flush()
      this.save()
    }
    return this.sendRest(full)
  })

  private sendRest(full: Target): Effect.Effect<void, PipelineFailed> {
    const { ledger, subtask } = this
    const from = performance.now()
    return Effect.flatMap(this.slot.rest(this.turns, full.link.room), () => {
      subtask.blockedMillis += performance.now() - from
      if (!full.link.open) {
        return Effect.fail(
          new PipelineFailed({
            worker: nameOf(subtask.chain),
            phase: "run",
            detail: "nobody takes its output any more"
          })
        )
      }
      const before = this.targets.map(({ frames }) => frames.length)
      const next = this.write(ledger === undefined ? undefined : before)
      if (ledger !== undefined) ledger.commit(this.inlet.marks(), this.positions())
      this.publish()
      return next === undefined ? Effect.void : this.sendRest(next)
    })
  }

  /**
   * Writes what finds room; the first target that has none, if any. `late` is given after the entry
   * that told of what waits, and then what is written counts as a part of that.
   */
  private write(late?: ReadonlyArray<number>): Target | undefined {
    let full: Target | undefined
    for (const [i, target] of this.targets.entries()) {
      const { at, frames, link } = target
      if (frames.length === 0) continue
      if (!link.write(frames)) full ??= target
      if (late !== undefined) this.written[at].late += late[i] - frames.length
    }
    this.countWaiting()
    return full
  }

  private countWaiting(): void {
    for (const outlet of this.subtask.outlets) {
      outlet.waiting = 0
      for (const { length } of outlet.ready) outlet.waiting += length
    }
  }

  private publish(): void {
    for (const { link } of this.targets) link.publish()
  }

  private positions(): ReadonlyArray<Written> {
    for (const { at, link } of this.targets) if (link instanceof Uplink) this.written[at].position = link.position
    return this.written
  }

  /** Commits all that was taken and written, shows it, and acknowledges it. */
  private save(): void {
    const { inlet, ledger, subtask, targets, writer } = this
    const from = performance.now()
    const marks = inlet.marks()
    const waiting: Array<Array<Uint8Array>> = this.written.map(() => [])
    for (const { at, frames, link } of targets) {
      this.written[at].late = 0
      if (!(link instanceof Uplink)) continue
      // What waits is as small as it would be in the lane, so that late frames are counted as they were saved.
      link.fit(frames)
      for (const frame of frames) waiting[at].push(Codec.encode(link.codec, frame))
    }
    try {
      const saved: Saved = { subtask: subtask.snapshot(), source: inlet.position, waiting }
      const state = writer.encode(saved)
      ledger!.commit(marks, this.positions(), state)
      this.stateBytes = state.length
    } catch (cause) {
      throw new PipelineFailed({
        worker: nameOf(subtask.chain),
        phase: "snapshot",
        detail: `${detailOf(cause)}. A process may tell how its state is saved: \`snapshot\`; an aggregate: \`save\` and \`load\``,
        cause
      })
    }
    this.publish()
    inlet.ackTo(marks)
    this.dirtySince = Infinity
    this.receivedThen = subtask.received
    this.savedAt = performance.now()
    this.savingMillis = this.savedAt - from
  }
}
