/**
 * What threads can still do to each other: for every behaviour the accesses that lie ahead of it, as
 * far as its automaton is known.
 *
 * A footprint may be narrowed by letting some threads stand still: the words that only they write
 * then keep their values, so of every load of such a word one result is left. What nobody can do
 * before those threads move cannot meet their next steps.
 *
 * Writes are told apart by their values, so that accesses which commute for the values at hand do not
 * meet: a load that goes on alike with either value, a store of what is there already.
 *
 * A footprint is a row of bits for each word: one for a read that depends on the value, one for a wait, one for a
 * notification, and one for each value that is written.
 *
 * @since 0.1.0
 */
import { mutates } from "./Automaton.ts"
import type { Behaviour, Behaviours } from "./Behaviours.ts"
import { Step } from "./RecordingMemory.ts"

const Read = 1
const Wait = 2
const Notify = 4
/** A write of a value that has no bit of its own. */
const WriteAny = 8
const writeBits = 4

interface Place {
  readonly index: number
  readonly word: number
  /** Values with a bit of their own, from `writeBits` on. */
  readonly values: Array<number>
}

/** Footprints of all behaviours, a row of `places` bit sets for each. */
export type Table = Int32Array

interface Stillness {
  readonly words: ReadonlyArray<number>
  /** Tables by the values of the words, one level a word. */
  readonly root: Map<number, unknown>
  /** What was asked for last. */
  readonly values: Int32Array
  table: Table | undefined
}

const stillness = (words: ReadonlyArray<number>): Stillness => ({
  words,
  root: new Map(),
  values: new Int32Array(words.length),
  table: undefined
})

const isWide = (step: number): boolean => step === Step.ReadF || step === Step.WriteF

export class Footprints {
  /** Nobody stands still. */
  free: Table = new Int32Array(0)
  private readonly behaviours: Behaviours
  private readonly lineage: ReadonlyArray<number>
  private readonly initial: Int32Array
  private readonly observed: ReadonlySet<number> | undefined
  private readonly placeOf: Array<Place | undefined> = []
  private readonly places: Array<Place> = []
  /** Words that are written with values which depend on what was there. */
  private readonly vague = new Set<number>()
  private own: Table = new Int32Array(0)
  private known = 0
  private writers: ReadonlyMap<number, number> = new Map()
  private readers: ReadonlyMap<number, number> = new Map()
  private still: Array<Stillness | undefined> = []
  private tables: Array<{ readonly values: ReadonlyMap<number, number>; readonly table: Table }> = []
  /** Of each behaviour the value that its conflict was last asked for with, and the answer. */
  private lastValue = new Int32Array(0)
  private lastBits = new Int32Array(0)
  /** For each behaviour a bit for every place that is read from there on. */
  private needs = new Int32Array(0)
  private needWidth = 0
  private always = new Int32Array(0)
  private readonly relevant: Array<number> = []

  /**
   * @param lineage for each slot the first of its line: a thread and its successors never run at once
   * @param initial the memory before the first step
   * @param observed words that somebody looks at in the end; undefined: all
   */
  constructor(
    behaviours: Behaviours,
    lineage: ReadonlyArray<number>,
    initial: Int32Array,
    observed: ReadonlyArray<number> | undefined
  ) {
    this.behaviours = behaviours
    this.lineage = lineage
    this.initial = initial.slice()
    this.observed = observed && new Set(observed)
    this.build()
  }

  private build(): void {
    const { all } = this.behaviours
    this.vague.clear()
    for (const behaviour of all) this.settle(behaviour)
    this.known = all.length
    this.lastValue = new Int32Array(all.length)
    this.lastBits = new Int32Array(all.length)
    this.own = new Int32Array(all.length * this.places.length)
    for (const behaviour of all) this.mark(behaviour)
    this.free = this.spread(new Map())
    this.collectNeeds()
    const writers = new Map<number, number>()
    const readers = new Map<number, number>()
    const plain = new Set<number>()
    for (const { step, thread, word } of all) {
      if (word < 0 || step === Step.Notify) continue
      if (step >= Step.Read && step <= Step.WriteF) plain.add(word)
      const line = 1 << this.lineage[thread]
      if (mutates(step)) writers.set(word, (writers.get(word) ?? 0) | line)
      if (step !== Step.Store) readers.set(word, (readers.get(word) ?? 0) | line)
    }
    for (const word of plain) writers.delete(word)
    this.writers = writers
    this.readers = readers
    this.still = []
    this.tables = []
  }

  /** Gives the words of an access their places. */
  private settle({ first, second, step, word }: Behaviour): void {
    if (word < 0) return
    for (let w = word; w < word + (isWide(step) ? 2 : 1); w++) {
      let place = this.placeOf[w]
      if (place === undefined) {
        place = { index: this.places.length, word: w, values: [] }
        this.places.push(place)
        this.placeOf[w] = place
      }
      const value = writtenBy(step, first, second)
      if (value === undefined && mutates(step) && step !== Step.Notify) this.vague.add(w)
      if (value === undefined || place.values.includes(value) || place.values.length === 32 - writeBits) continue
      place.values.push(value)
    }
  }

  private writeBit(place: Place, value: number | undefined): number {
    const at = value === undefined ? -1 : place.values.indexOf(value)
    return at < 0 ? WriteAny : 1 << (at + writeBits)
  }

  private mark(behaviour: Behaviour): void {
    const { first, id, second, step, word } = behaviour
    if (word < 0) return
    for (let w = word; w < word + (isWide(step) ? 2 : 1); w++) {
      const place = this.placeOf[w]!
      let bits = 0
      if (mutates(step) && step !== Step.Notify) bits |= this.writeBit(place, writtenBy(step, first, second))
      if (step === Step.Notify) bits |= Notify
      else if (step === Step.Wait) bits |= Read | Wait
      else if (step === Step.Load || step === Step.Read) bits |= this.isIndifferent(behaviour) ? 0 : Read
      else if (step !== Step.Store && step !== Step.Write && step !== Step.WriteF) bits |= Read
      this.own[id * this.places.length + place.index] |= bits
    }
  }

  /** Whether a load goes on alike with every value that its word ever has. */
  private isIndifferent({ next, word }: Behaviour): boolean {
    const { values } = this.placeOf[word]!
    const to = next.get(this.initial[word])
    if (to === undefined || this.vague.has(word)) return false
    return values.every((value) => next.get(value) === to)
  }

  /** The footprints of all behaviours while some words keep their values. */
  private spread(values: ReadonlyMap<number, number>): Table {
    const { all } = this.behaviours
    const width = this.places.length
    const table = this.own.slice()
    for (let changed = true; changed;) {
      changed = false
      for (let i = this.known - 1; i >= 0; i--) {
        const { next, step, word } = all[i]
        const kept = step === Step.Load ? values.get(word) : undefined
        const into = i * width
        for (const [result, child] of next) {
          if ((kept !== undefined && kept !== result) || child.id >= this.known) continue
          const from = child.id * width
          for (let p = 0; p < width; p++) {
            const joined = table[into + p] | table[from + p]
            if (joined === table[into + p]) continue
            table[into + p] = joined
            changed = true
          }
        }
      }
    }
    return table
  }

  /** The words that only lines in a set write, and others load. */
  private wordsOf(lines: number): ReadonlyArray<number> {
    return [...this.writers]
      .filter(([word, by]) => (by & ~lines) === 0 && ((this.readers.get(word) ?? 0) & ~lines) !== 0)
      .map(([word]) => word)
  }

  /** The footprints of all behaviours while some threads, a set of bits, stand still. */
  whileStill(threads: number, i32: Int32Array): Table {
    let lines = 0
    for (let t = 0; t < this.lineage.length; t++) if ((threads & (1 << t)) !== 0) lines |= 1 << this.lineage[t]
    const still = (this.still[lines] ??= stillness(this.wordsOf(lines)))
    const { values, words } = still
    if (words.length === 0) return this.free
    let same = still.table !== undefined
    for (let i = 0; i < words.length; i++) {
      const value = i32[words[i]]
      if (values[i] === value) continue
      values[i] = value
      same = false
    }
    if (!same) still.table = this.tableFor(still)
    return still.table!
  }

  private tableFor({ root, values: current, words }: Stillness): Table {
    let at = root
    const last = words.length - 1
    for (let i = 0; i < last; i++) {
      const value = current[i]
      let next = at.get(value)
      if (next === undefined) {
        next = new Map<number, unknown>()
        at.set(value, next)
      }
      at = next as Map<number, unknown>
    }
    const value = current[last]
    const known = at.get(value)
    if (known !== undefined) return known as Table
    const values = new Map(words.map((word, i) => [word, current[i]]))
    const table = this.spread(values)
    this.tables.push({ values, table })
    at.set(value, table)
    return table
  }

  /**
   * Learns the edges found since the last time. True if no footprint that was handed out has grown: what was
   * decided by them stands.
   */
  refresh(): boolean {
    const { free, known, still, tables } = this
    const width = this.places.length
    const values = this.places.map((place) => place.values.length)
    this.build()
    if (this.places.some((place, p) => p < width && place.values.length !== values[p])) return false
    const now = this.places.length
    const grown = (old: Table, fresh: Table): boolean => {
      for (let i = 0; i < known; i++) {
        for (let p = 0; p < now; p++) {
          if ((fresh[i * now + p] & ~(p < width ? old[i * width + p] : 0)) !== 0) return true
        }
      }
      return false
    }
    if (grown(free, this.free)) return false
    if (still.some((old, lines) => old?.words.some((word) => !this.wordsOf(lines).includes(word)) ?? false))
      return false
    return tables.every(({ table, values }) => !grown(table, this.spread(values)))
  }

  /** All words that anybody accesses, as far as it is known. */
  get words(): ReadonlyArray<number> {
    return this.places.map(({ word }) => word)
  }

  private collectNeeds(): void {
    const { free, known, observed, places } = this
    const width = (places.length + 31) >>> 5
    this.needWidth = width
    this.needs = new Int32Array(known * width)
    this.always = new Int32Array(width)
    places.forEach(({ word }, p) => {
      const bit = 1 << (p & 31)
      if (observed === undefined || observed.has(word)) this.always[p >>> 5] |= bit
      for (let i = 0; i < known; i++) {
        if ((free[i * places.length + p] & Read) !== 0) this.needs[i * width + (p >>> 5)] |= bit
      }
    })
  }

  /** The words whose values somebody may still look at who stands at one of these behaviours. */
  wordsFor(ahead: ReadonlyArray<Behaviour>): ReadonlyArray<number> {
    const { always, known, needs, needWidth, places, relevant } = this
    relevant.length = 0
    for (let w = 0; w < needWidth; w++) {
      let bits = always[w]
      for (let i = 0; i < ahead.length; i++) bits |= ahead[i].id < known ? needs[ahead[i].id * needWidth + w] : -1
      for (; bits !== 0; bits &= bits - 1) {
        const p = (w << 5) + 31 - Math.clz32(bits & -bits)
        if (p < places.length) relevant.push(places[p].word)
      }
    }
    return relevant
  }

  /**
   * Whether the step of a thread at `behaviour`, or its wake-up if it is `parked`, may fail to commute with what lies
   * ahead of `other`.
   */
  meets(behaviour: Behaviour, other: Behaviour, table: Table, i32: Int32Array, parked: boolean): boolean {
    const { step, word } = behaviour
    if (word < 0) return false
    if (other.id >= this.known) return true
    const row = other.id * this.places.length
    for (let w = word; w < word + (isWide(step) ? 2 : 1); w++) {
      const place = this.placeOf[w]
      if (place === undefined) return true
      const conflict = parked ? Notify : this.conflictOf(behaviour, place, i32[w])
      if ((table[row + place.index] & conflict) !== 0) return true
    }
    return false
  }

  /** The bits of a place with which an access does not commute while the word holds `now`. */
  private conflictOf(behaviour: Behaviour, place: Place, now: number): number {
    const { id } = behaviour
    if (this.lastValue[id] === now && this.lastBits[id] !== 0) return this.lastBits[id]
    const bits = this.conflict(behaviour, place, now)
    if (isWide(behaviour.step)) return bits
    this.lastValue[id] = now
    this.lastBits[id] = bits
    return bits
  }

  private conflict({ first, next, second, step }: Behaviour, place: Place, now: number): number {
    const writes = ~(Read | Wait | Notify)
    const others = (value: number) => writes & ~(place.values.includes(value) ? this.writeBit(place, value) : 0)
    switch (step) {
      case Step.Notify:
        return Wait | Notify
      case Step.Wait:
        return Notify | others(now)
      case Step.Read:
      case Step.Load: {
        const to = next.get(now)
        let bits = others(now)
        if (to === undefined) return bits
        for (const value of place.values) if (next.get(value) === to) bits &= ~this.writeBit(place, value)
        return bits
      }
      case Step.Write:
      case Step.Store:
        return others(first | 0) | (now === (first | 0) ? 0 : Read)
      case Step.Cas:
        return now === first && now !== second ? writes | Read : others(now)
      case Step.Read8:
      case Step.ReadF:
        return writes
      default:
        return writes | Read
    }
  }
}

/** The value that an access leaves, where it is the same whatever was there. */
const writtenBy = (step: number, first: number, second: number): number | undefined =>
  step === Step.Write || step === Step.Store ? first | 0 : step === Step.Cas ? second : undefined
