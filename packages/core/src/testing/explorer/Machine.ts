/**
 * One state of a program, and the steps from it: memory, a node for each thread, and who is parked
 * or dead. Steps are undone in reverse order, and the state's hash follows each change.
 *
 * Memory is sequentially consistent, which is the only order that JavaScript's atomics have and the
 * one that race-free plain accesses see.
 *
 * @since 0.1.0
 */
import { isPlain, mutates } from "./Automaton.ts"
import type { Behaviour, Behaviours } from "./Behaviours.ts"
import type { ModelThread, Observation, Program } from "./Program.ts"
import { NotEqual, Step, Woken } from "./RecordingMemory.ts"

export const Status = {
  Dormant: 0,
  Running: 1,
  Parked: 2,
  Dead: 3
} as const

/** What nobody may read: a word that a dead thread may have written or not. */
const undefinedWord = 0x5eadc0de

const mixLow = (key: number, value: number): number => {
  let x = Math.imul(key, 0x9e3779b1) ^ Math.imul(value, 0x85ebca77)
  x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d)
  x = Math.imul(x ^ (x >>> 12), 0x297a2d39)
  return x ^ (x >>> 15)
}

const mixHigh = (key: number, value: number): number => {
  let x = (Math.imul(key, 0xc2b2ae3d) + Math.imul(value, 0x27d4eb2f)) | 0
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d)
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b)
  return x ^ (x >>> 16)
}

/** The threads of a program with their successors: each has a slot. */
export interface Cast {
  readonly threads: ReadonlyArray<ModelThread>
  /** Slot of each thread's successor, -1 for none. */
  readonly successor: ReadonlyArray<number>
  /** Slots of those that run from the beginning. */
  readonly first: ReadonlyArray<number>
  /** For each slot the first of its line. */
  readonly lineage: ReadonlyArray<number>
}

export const castOf = (program: Program): Cast => {
  const threads: Array<ModelThread> = []
  const successor: Array<number> = []
  const lineage: Array<number> = []
  const add = (thread: ModelThread, base?: number): number => {
    const slot = threads.push(thread) - 1
    successor.push(-1)
    lineage.push(base ?? slot)
    if (thread.successor !== undefined) successor[slot] = add(thread.successor, base ?? slot)
    return slot
  }
  const first = program.threads.map((thread) => add(thread))
  return { threads, successor, first, lineage }
}

const isWrite = (step: number): boolean => step === Step.Write || step === Step.Store || step === Step.WriteF

/** What became of a step. */
export interface Stepped {
  readonly node: Behaviour
  readonly result: number | undefined
}

export class Machine {
  readonly program: Program
  readonly threads: ReadonlyArray<ModelThread>
  /** Slot of each thread's successor, -1 for none. */
  readonly successor: ReadonlyArray<number>
  readonly behaviours: Behaviours
  readonly at: Array<Behaviour>
  readonly status: Array<number>
  readonly words: number
  readonly i32: Int32Array
  private readonly u8: Uint8Array
  private readonly f64: Float64Array
  private readonly notes: Int32Array
  private readonly undo: Array<number> = []

  deathsLeft: number
  died = -1
  /** Of threads and notes. */
  private hashLow = 0
  private hashHigh = 0
  /** Of each word. */
  private readonly lows: Int32Array
  private readonly highs: Int32Array
  low = 0
  high = 0
  readonly observation: Observation

  constructor(program: Program, cast: Cast, behaviours: Behaviours) {
    this.program = program
    const { first, successor, threads } = cast
    this.threads = threads
    this.successor = successor
    const memory = program.memory()
    this.i32 = new Int32Array(memory, 0, memory.byteLength >>> 2)
    this.u8 = new Uint8Array(memory)
    this.f64 = new Float64Array(memory, 0, memory.byteLength >>> 3)
    this.words = this.i32.length
    this.lows = this.i32.map((value, word) => mixLow(word, value))
    this.highs = this.i32.map((value, word) => mixHigh(word, value))
    this.notes = new Int32Array(program.events ?? 0)
    this.behaviours = behaviours
    this.at = threads.map((_, slot) => behaviours.root(slot))
    this.status = threads.map((_, slot) => (first.includes(slot) ? Status.Running : Status.Dormant))
    this.deathsLeft = threads.some((thread) => thread.mortal) ? (program.deaths ?? 1) : 0
    this.observation = {
      i32: this.i32,
      notes: this.notes,
      died: () => (this.died < 0 ? undefined : threads[this.died].name),
      local: (name) => {
        const slot = threads.findIndex((thread) => thread.name === name)
        if (slot >= 0) behaviours.observe(slot)
        return this.at[slot]?.sample.local
      }
    }
  }

  isLive(slot: number): boolean {
    return this.status[slot] === Status.Running || this.status[slot] === Status.Parked
  }

  canStep(slot: number): boolean {
    return this.status[slot] === Status.Running && this.at[slot].step > Step.Fail
  }

  canDie(slot: number): boolean {
    return (
      this.deathsLeft > 0 && this.threads[slot].mortal === true && this.isLive(slot) && this.at[slot].step !== Step.Done
    )
  }

  mark(): number {
    return this.undo.length
  }

  /** The hash of the state as far as somebody may still look at it: of memory only words in `relevant`. */
  hashOf(relevant: ReadonlyArray<number>): void {
    let low = this.hashLow
    let high = this.hashHigh
    for (const word of relevant) {
      low ^= this.lows[word]
      high ^= this.highs[word]
    }
    this.low = low
    this.high = high
  }

  private toggle(key: number, value: number): void {
    this.hashLow ^= mixLow(key, value)
    this.hashHigh ^= mixHigh(key, value)
  }

  private setWord(word: number, value: number): void {
    const old = this.i32[word]
    if (old === value) return
    this.undo.push(0, word, old)
    this.i32[word] = value
    this.rehash(word)
  }

  private rehash(word: number): void {
    this.lows[word] = mixLow(word, this.i32[word])
    this.highs[word] = mixHigh(word, this.i32[word])
  }

  private noted(word: number, old: number): void {
    const value = this.i32[word]
    if (old === value) return
    this.undo.push(0, word, old)
    this.rehash(word)
  }

  private move(slot: number, node: Behaviour): void {
    const old = this.at[slot]
    this.undo.push(1, slot, old.id)
    this.at[slot] = node
    this.toggle(-1 - slot, old.id)
    this.toggle(-1 - slot, node.id)
  }

  private become(slot: number, status: number): void {
    const old = this.status[slot]
    this.undo.push(2, slot, old)
    this.status[slot] = status
    this.toggle(-101 - slot, old)
    this.toggle(-101 - slot, status)
  }

  private event(event: number): void {
    if (event < 0 || event >= this.notes.length) throw new RangeError(`event ${event} of ${this.notes.length}`)
    this.undo.push(3, event, 0)
    this.toggle(-1001 - event, this.notes[event])
    this.notes[event] += 1
    this.toggle(-1001 - event, this.notes[event])
  }

  /** Undoes every change since `mark`. */
  back(mark: number): void {
    const { undo } = this
    while (undo.length > mark) {
      const value = undo.pop()!
      const index = undo.pop()!
      switch (undo.pop()) {
        case 0:
          this.i32[index] = value
          this.rehash(index)
          break
        case 1:
          this.toggle(-1 - index, this.at[index].id)
          this.at[index] = this.behaviours.all[value]
          this.toggle(-1 - index, value)
          break
        case 2:
          this.toggle(-101 - index, this.status[index])
          this.status[index] = value
          this.toggle(-101 - index, value)
          break
        case 3:
          this.toggle(-1001 - index, this.notes[index])
          this.notes[index] -= 1
          this.toggle(-1001 - index, this.notes[index])
          break
        case 4:
          this.died = value
          this.deathsLeft += 1
          break
      }
    }
  }

  /** Performs the access that a thread stands at. */
  step(slot: number): Stepped {
    const node = this.at[slot]
    const result = this.perform(slot, node)
    if (result !== undefined) this.move(slot, this.behaviours.follow(node, result))
    return { node, result }
  }

  private perform(slot: number, node: Behaviour): number | undefined {
    const { first, index, word } = node
    const { f64, i32, u8 } = this
    if (i32[word] === undefinedWord && !isWrite(node.step)) {
      throw new Error(
        `${this.threads[slot].name} reads word ${word}, which a dead thread may or may not have written: ` +
          'explore with `plain: "step"`'
      )
    }
    switch (node.step) {
      case Step.Read:
      case Step.Load:
        return i32[word]
      case Step.Write:
      case Step.Store:
        this.setWord(word, first | 0)
        return first
      case Step.Add: {
        const old = i32[word]
        this.setWord(word, (old + first) | 0)
        return old
      }
      case Step.Cas: {
        const old = i32[word]
        if (old === first) this.setWord(word, node.second)
        return old
      }
      case Step.Read8:
        return u8[index]
      case Step.Write8: {
        const old = i32[word]
        u8[index] = first
        this.noted(word, old)
        return 0
      }
      case Step.ReadF:
        return f64[index]
      case Step.WriteF: {
        const low = i32[word]
        const high = i32[word + 1]
        f64[index] = first
        this.noted(word, low)
        this.noted(word + 1, high)
        return 0
      }
      case Step.Wait:
        if (i32[word] !== first) return NotEqual
        this.become(slot, Status.Parked)
        return undefined
      case Step.Notify:
        return this.wake(word, first)
      case Step.Note:
        this.event(index)
        return 0
      default:
        throw new Error("no step")
    }
  }

  private wake(word: number, count: number): number {
    let woken = 0
    for (let slot = 0; slot < this.at.length && woken < count; slot++) {
      const node = this.at[slot]
      if (this.status[slot] !== Status.Parked || node.word !== word) continue
      this.become(slot, Status.Running)
      this.move(slot, this.behaviours.follow(node, Woken))
      woken++
    }
    return woken
  }

  /**
   * Leaves undefined what a thread that is about to die would write plainly before its next atomic access: it
   * may have come to any of it, and nobody but its successor could tell.
   */
  tear(slot: number): void {
    const torn: Array<number> = []
    for (let node = this.at[slot]; isPlain(node.step); node = this.at[slot]) {
      if (mutates(node.step)) torn.push(node.word)
      if (node.step === Step.WriteF) torn.push(node.word + 1)
      this.step(slot)
    }
    for (const word of torn) this.setWord(word, undefinedWord)
  }

  /** Ends a thread where it stands; its successor starts. */
  kill(slot: number): void {
    this.undo.push(4, 0, this.died)
    this.died = slot
    this.deathsLeft -= 1
    this.become(slot, Status.Dead)
    // What a dead thread would have done next makes no difference any more.
    this.move(slot, this.behaviours.all[0])
    if (this.successor[slot] >= 0) this.become(this.successor[slot], Status.Running)
  }
}
