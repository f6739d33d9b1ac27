/**
 * Whose steps must be tried in a state: the threads of a persistent set (Godefroid, "Partial-Order Methods for the
 * Verification of Concurrent Systems"), whose next steps nobody outside the set can meet before they move.
 *
 * @since 0.1.0
 */
import { isPlain, mutates } from "./Automaton.ts"
import type { Behaviour } from "./Behaviours.ts"
import type { Footprints, Table } from "./Footprints.ts"
import { type Machine, Status } from "./Machine.ts"
import { Step } from "./RecordingMemory.ts"

export class Turns {
  private readonly machine: Machine
  private readonly footprints: Footprints
  private readonly eager: boolean
  private readonly reduce: boolean
  private readonly ahead: Array<Behaviour> = []

  constructor(machine: Machine, footprints: Footprints, eager: boolean, reduce: boolean) {
    this.machine = machine
    this.footprints = footprints
    this.eager = eager
    this.reduce = reduce
  }

  /** Whether it makes a difference if a thread dies before or after its next step, be it to `atEnd` alone. */
  matters(t: number): boolean {
    const { machine } = this
    const { step } = machine.at[t]
    return mutates(step) && !(this.eager && isPlain(step)) && machine.canDie(t)
  }

  /** Whether nobody can go on. */
  isOver(): boolean {
    const { machine } = this
    for (let t = 0; t < machine.at.length; t++) if (machine.canStep(t)) return false
    return true
  }

  /** The threads, a set of bits, whose steps have to be tried; -1 is everybody. */
  persistent(partly: boolean): number {
    const lone = this.loner()
    return lone >= 0 ? 1 << lone : partly && this.reduce ? this.circle() : -1
  }

  /** The thread whose next step nobody can meet, -1 if there is none. */
  loner(): number {
    const { footprints, machine } = this
    for (let t = 0; t < machine.at.length; t++) {
      if (!machine.canStep(t)) continue
      if (this.eager && isPlain(machine.at[t].step)) return t
      if (!this.reduce) continue
      if (this.isAlone(t, footprints.free)) return t
      const table = footprints.whileStill(1 << t, machine.i32)
      if (table !== footprints.free && this.isAlone(t, table)) return t
    }
    return -1
  }

  private isAlone(t: number, table: Table): boolean {
    for (let u = 0; u < this.machine.at.length; u++) if (u !== t && this.canMeet(t, u, table)) return false
    return true
  }

  /** Whether `u`, or its successor, may ever meet the next access of `t`. */
  private canMeet(t: number, u: number, table: Table): boolean {
    const { footprints, machine } = this
    if (!machine.isLive(u)) return false
    const at = machine.at[t]
    const parked = machine.status[t] === Status.Parked
    if (footprints.meets(at, machine.at[u], table, machine.i32, parked)) return true
    const heir = machine.successor[u]
    return heir >= 0 && machine.canDie(u) && footprints.meets(at, machine.at[heir], table, machine.i32, parked)
  }

  /** The fewest threads whose next steps nobody else can ever meet, as a set of bits, one that can step among them. */
  private circle(): number {
    const { footprints, machine } = this
    const count = machine.at.length
    let best = -1
    let fewest = Infinity
    for (let t = 0; t < count; t++) {
      if (!machine.canStep(t)) continue
      let members = 1 << t
      let able = 0
      for (let open = members; open !== 0;) {
        const member = 31 - Math.clz32(open)
        open &= ~(1 << member)
        if (machine.canStep(member)) able++
        for (let u = 0; u < count; u++) {
          if ((members & (1 << u)) !== 0 || !this.canMeet(member, u, footprints.free)) continue
          members |= 1 << u
          open |= 1 << u
        }
      }
      if (able >= fewest) continue
      fewest = able
      best = members
    }
    return best
  }

  /** The words whose values somebody may still look at. */
  relevant(): ReadonlyArray<number> {
    const { ahead, footprints, machine } = this
    ahead.length = 0
    for (let t = 0; t < machine.at.length; t++) {
      if (!machine.isLive(t)) continue
      ahead.push(machine.at[t])
      const heir = machine.successor[t]
      if (heir >= 0 && machine.canDie(t)) ahead.push(machine.at[heir])
    }
    return this.reduce ? footprints.wordsFor(ahead) : footprints.words
  }

  /** Those of some threads, a set of bits, whose next accesses commute with that of `slot`. */
  undisturbed(threads: number, slot: number): number {
    const { machine } = this
    const at = machine.at[slot]
    let left = threads
    for (let t = 0; left >>> t !== 0; t++) {
      if ((threads & (1 << t)) !== 0 && !commute(at, machine.at[t])) left &= ~(1 << t)
    }
    return left
  }
}

const lastWord = ({ step, word }: Behaviour): number => (step === Step.ReadF || step === Step.WriteF ? word + 1 : word)

const isQuiet = (step: number): boolean =>
  step === Step.Load || step === Step.Read || step === Step.Read8 || step === Step.ReadF

/** Whether two accesses lead to the same state in either order, as far as their words and kinds tell. */
const commute = (a: Behaviour, b: Behaviour): boolean =>
  a.word < 0 || b.word < 0 || lastWord(a) < b.word || lastWord(b) < a.word || (isQuiet(a.step) && isQuiet(b.step))
