/**
 * The search itself: depth first, with a set of visited states, over the steps that `Turns` says are needed.
 *
 * Sleep sets (Godefroid) keep it from going two ways to one state: once the steps of a thread have been explored from
 * a state, the thread sleeps in the branches of those explored after it, until somebody makes an access that does not
 * commute with its next one. A visited state remembers who slept there; coming back with fewer asleep explores the
 * rest. With a bound on preemptions nobody sleeps.
 *
 * @since 0.1.0
 */
import { depthLimit, endFault, faultOf } from "./faults.ts"
import type { Footprints } from "./Footprints.ts"
import type { Machine } from "./Machine.ts"
import type { ExploreOptions, Failure } from "./Program.ts"
import { decode, encode, format } from "./Schedule.ts"
import { StateSet } from "./StateSet.ts"
import { Turns } from "./Turns.ts"

/** One state on the current path. */
interface Frame {
  /** Undoes to here. */
  readonly mark: number
  readonly length: number
  /** With a bound on preemptions: whose turn it is, and how many are left. */
  readonly turn: number
  readonly budget: number
  readonly low: number
  readonly high: number
  /** Whether this frame was the first in its state. */
  readonly first: boolean
  readonly choices: Array<number>
  next: number
  /** Whether some threads that could go on are left out. */
  partial: boolean
  /** Threads that need not be tried. */
  asleep: number
}

export class Search {
  readonly visited = new StateSet()
  transitions = 0
  ends = 0
  deaths = 0
  truncated = false
  /** Whether the search gave up because so much was learned that it had better begin again. */
  restarted = false

  private readonly machine: Machine
  private readonly options: ExploreOptions
  private readonly turns: Turns
  private readonly frames: Array<Frame> = []
  /** The steps from the start to here. */
  private readonly path: Array<number> = []
  private readonly sleepless: boolean
  private turn = -1
  private budget: number
  private asleep = 0
  /** Whether the one thread to try next sleeps. */
  private covered = false

  constructor(machine: Machine, footprints: Footprints, options: ExploreOptions) {
    this.machine = machine
    this.options = options
    this.turns = new Turns(machine, footprints, options.plain === "eager", options.reduce !== false)
    this.budget = options.preemptions ?? -1
    this.sleepless = options.reduce === false || options.preemptions !== undefined || machine.threads.length > 16
  }

  /**
   * @param patience states after which a search that has learned anything begins again
   * @param maxStates states after which it gives up
   */
  run(patience: number, maxStates: number): Failure | undefined {
    const { behaviours } = this.machine
    const learned = behaviours.learned
    let message = this.arrive(true)
    while (message === undefined && this.frames.length > 0) {
      const frame = this.frames[this.frames.length - 1]
      if (frame.next === frame.choices.length) {
        this.close()
        continue
      }
      if (this.visited.size >= maxStates) {
        this.truncated = true
        break
      }
      if (this.visited.size >= patience && behaviours.learned > learned) {
        this.restarted = true
        break
      }
      const choice = frame.choices[frame.next++]
      const { slot, step } = decode(choice)
      this.turn = frame.turn
      this.budget = frame.budget
      this.asleep = step && !this.sleepless ? this.turns.undisturbed(frame.asleep & ~(1 << slot), slot) : 0
      // Its last choice: from here on it need not be tried beside the others.
      const following = frame.choices[frame.next]
      if (step && (following === undefined || decode(following).slot !== slot)) frame.asleep |= 1 << slot
      this.take(choice, frame.partial)
      message = this.coast()
      if (message !== undefined) break
      if (this.covered) this.rewind(frame)
      else message = this.arrive(false)
    }
    this.machine.back(0)
    return message === undefined ? undefined : { message, schedule: format(this.path, this.machine.threads) }
  }

  /** Takes all steps that nobody can meet and no death can tell apart: they need no state of their own. */
  private coast(): string | undefined {
    const { machine, turns } = this
    this.covered = false
    for (let steps = 0; steps < depthLimit; steps++) {
      const t = turns.loner()
      this.covered = t >= 0 && (this.asleep & (1 << t)) !== 0
      if (this.covered || t < 0 || turns.matters(t)) return undefined
      const fault = faultOf(machine)
      if (fault !== undefined) return fault
      this.take(encode(t, true, false), true)
    }
    return "the program does not end"
  }

  private take(choice: number, alone: boolean): void {
    const { machine, path } = this
    const { die, slot, step } = decode(choice)
    path.push(choice)
    this.transitions++
    if (this.budget >= 0 && !alone) {
      if (slot !== this.turn && this.turn >= 0 && machine.canStep(this.turn)) this.budget--
      this.turn = slot
    }
    if (step) machine.step(slot)
    if (die && machine.canDie(slot)) {
      if (this.options.plain === "eager") machine.tear(slot)
      machine.kill(slot)
      this.deaths++
    }
  }

  /** Looks at the state that was reached; returns what is wrong with it. */
  private arrive(first: boolean): string | undefined {
    const { frames, machine, turns, visited } = this
    const salt = this.budget < 0 ? 0 : Math.imul(this.turn + 2, 0x9e3779b1) ^ Math.imul(this.budget + 1, 0x85ebca77)
    machine.hashOf(turns.relevant())
    const low = machine.low ^ salt
    const high = machine.high ^ Math.imul(salt, 0x27d4eb2f)
    const mark = visited.enter(low, high)
    const before = mark === 0 ? -1 : visited.sleeping
    const fewer = mark === 0 ? this.asleep : before & this.asleep
    const above = frames[frames.length - 1]
    if (mark !== 0 && fewer === before) {
      this.rewind(above)
      // Putting the others off around a circle could be for ever.
      if (mark === 1 && above.partial) {
        above.partial = false
        this.offer(above, -1, -1)
      }
      return undefined
    }
    visited.sleeping = fewer
    const fault = mark === 0 ? faultOf(machine) : undefined
    if (fault !== undefined) return fault
    const frame: Frame = {
      mark: machine.mark(),
      length: this.path.length,
      turn: this.turn,
      budget: this.budget,
      low,
      high,
      first: mark === 0,
      choices: [],
      next: 0,
      partial: false,
      asleep: fewer
    }
    frames.push(frame)
    // Who is left out may take the turn at the cost of a preemption only, so a bound asks for everybody.
    const members = first ? -1 : turns.persistent(this.budget < 0)
    const partial = this.offer(frame, members, mark === 0 ? -1 : before)
    frame.partial = partial || (this.budget >= 0 && members !== -1)
    if (first) {
      for (let t = 0; t < machine.at.length; t++) if (machine.canDie(t)) frame.choices.push(encode(t, false, true))
    }
    if (frames.length > depthLimit) return "the program does not end"
    if (mark !== 0 || !turns.isOver()) return undefined
    this.ends++
    return endFault(machine)
  }

  /** Offers the steps of those of `members` who are in `only` and awake; whether that leaves anybody out. */
  private offer(frame: Frame, members: number, only: number): boolean {
    const { machine, turns } = this
    const must = this.budget === 0 && this.turn >= 0 && machine.canStep(this.turn) ? this.turn : -1
    let partial = false
    for (let t = 0; t < machine.at.length; t++) {
      if (!machine.canStep(t)) continue
      const bit = 1 << t
      if ((members & bit) === 0) partial = true
      else if ((only & bit) !== 0 && (frame.asleep & bit) === 0 && (members !== -1 || must < 0 || must === t)) {
        frame.choices.push(encode(t, true, false))
        if (turns.matters(t)) frame.choices.push(encode(t, true, true))
      }
    }
    return partial
  }

  private rewind(frame: Frame): void {
    this.machine.back(frame.mark)
    this.path.length = frame.length
  }

  private close(): void {
    const { first, high, low } = this.frames.pop()!
    if (first) this.visited.leave(low, high)
    const above = this.frames.at(-1)
    if (above !== undefined) this.rewind(above)
  }
}
