/**
 * Which workers of a pool and which key groups take nothing now, and until when: for senders in other threads, which
 * do not see the circuits of its owner.
 *
 * | word | what |
 * |---|---|
 * | 0 | how many times there are below, so that most senders look no further |
 * | 1 | places of workers |
 * | 2 … | one for each place, then one for each key group: 0, `gone`, or a time |
 *
 * A time is the low 32 bits of milliseconds since the epoch: it is never more than a few days away. The owner writes
 * everything. A sender that looks too early sends what waits in the mailbox, as if it had sent it a moment before.
 *
 * @since 0.1.0
 */
import { ByteMemory } from "./ByteMemory.ts"

const Word = { count: 0, places: 1, first: 2 } as const

/** Nobody is in this place. */
const gone = -1

/**
 * @category models
 * @since 0.1.0
 */
export class Refusals {
  private readonly memory: ByteMemory
  private readonly groups: number

  private constructor(memory: ByteMemory) {
    this.memory = memory
    this.groups = Word.first + memory.i32[Word.places]
  }

  /** Nobody is in any place yet. */
  static make(places: number, groups: number): Refusals {
    const memory = new ByteMemory(new SharedArrayBuffer((Word.first + places + groups) * 4))
    memory.i32[Word.places] = places
    const refusals = new Refusals(memory)
    for (let place = 0; place < places; place++) refusals.leave(place)
    return refusals
  }

  static open(buffer: SharedArrayBuffer): Refusals {
    return Refusals.over(new ByteMemory(buffer))
  }

  /** As `open`, over views that exist already. */
  static over(memory: ByteMemory): Refusals {
    return new Refusals(memory)
  }

  get buffer(): SharedArrayBuffer {
    return this.memory.buffer as SharedArrayBuffer
  }

  /** Whether anything is refused. */
  get any(): boolean {
    return this.memory.seam.load(this.memory.i32, Word.count) !== 0
  }

  /** Whether there is a worker in this place. */
  isThere(place: number): boolean {
    return this.load(Word.first + place) !== gone
  }

  /** Milliseconds for which the worker in this place takes nothing; 0 if it takes messages. */
  ofWorker(place: number): number {
    return this.left(Word.first + place)
  }

  /** Milliseconds for which nothing of this key group is taken; 0 if it is. */
  ofGroup(group: number): number {
    return this.left(this.groups + group)
  }

  /** A worker comes. Owner only, as all that follow. */
  come(place: number): void {
    if (!this.isThere(place)) this.store(Word.first + place, 0)
  }

  leave(place: number): void {
    this.store(Word.first + place, gone)
  }

  /** The worker in this place, if one is there, takes nothing for so long; takes messages again after 0. */
  refuseWorker(place: number, millis: number): void {
    if (this.isThere(place)) this.store(Word.first + place, timeIn(millis))
  }

  refuseGroup(group: number, millis: number): void {
    this.store(this.groups + group, timeIn(millis))
  }

  private load(word: number): number {
    return this.memory.seam.load(this.memory.i32, word)
  }

  private left(word: number): number {
    const until = this.load(word)
    return isTime(until) ? Math.max(1, (until - Date.now()) | 0) : 0
  }

  private store(word: number, value: number): void {
    const { i32, seam } = this.memory
    const before = this.load(word)
    seam.store(i32, word, value)
    if (isTime(before) !== isTime(value)) seam.add(i32, Word.count, isTime(value) ? 1 : -1)
  }
}

const isTime = (word: number): boolean => word !== 0 && word !== gone

const timeIn = (millis: number): number => {
  if (millis === 0) return 0
  const time = (Date.now() + Math.ceil(millis)) | 0
  // Neither of the words that mean something else.
  return isTime(time) ? time : 1
}
