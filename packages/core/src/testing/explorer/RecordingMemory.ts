/**
 * The shared memory as the code under test sees it while it is re-run: accesses that are in the
 * log return what they returned, the first one that is not stops the run.
 *
 * Plain element accesses are seen by a `Proxy` around each typed array, atomic ones by the seam. Hints are modelled as
 * atomic loads: what they may miss is for tests to show.
 *
 * @since 0.1.0
 */
import type { Seam } from "../../ring/atomics.ts"
import { ByteMemory } from "../../ring/ByteMemory.ts"

/** What a step does to memory. */
export const Step = {
  Done: 0,
  Fail: 1,
  Read: 2,
  Write: 3,
  Read8: 4,
  Write8: 5,
  ReadF: 6,
  WriteF: 7,
  Load: 8,
  Store: 9,
  Add: 10,
  Cas: 11,
  Wait: 12,
  Notify: 13,
  Note: 14
} as const

/** Results of `Step.Wait`. */
export const NotEqual = 0
export const Woken = 1

/** Accesses of one operation. */
const accessLimit = 2000

/** Thrown to leave the code under test. Never an `Error`: it must not look like one. */
const suspension: unique symbol = Symbol("suspension")

export class RecordingMemory {
  readonly memory: ByteMemory
  /** Objects that snapshots must not copy. */
  readonly opaque: ReadonlySet<unknown>

  private log: ReadonlyArray<number> = []
  private cursor = 0
  private suspended = false

  /** The access that stopped the last run; its index counts elements of its view. */
  step = 0
  index = 0
  first = 0
  second = 0

  /**
   * @param start what the memory holds before the first step
   * @param idle words whose atomic accesses are none: they hold what they held before the first step
   */
  constructor(start: ArrayBuffer, idle: ReadonlySet<number>) {
    const bytes = start.byteLength
    const i32 = this.plain(new Int32Array(bytes >>> 2), Step.Read, Step.Write)
    const u8 = this.plain(new Uint8Array(bytes), Step.Read8, Step.Write8)
    const f64 = this.plain(new Float64Array(bytes >>> 3), Step.ReadF, Step.WriteF)
    const hints = this.plain(new Int32Array(bytes >>> 2), Step.Load, Step.Write)
    const seam = this.atomic(i32, new Int32Array(start, 0, bytes >>> 2), idle)
    const buffer = i32.buffer
    const memory: ByteMemory = Object.create(ByteMemory.prototype)
    this.memory = Object.assign(memory, { buffer, seam, u8, i32, hints, f64, attachments: [] })
    this.opaque = new Set<unknown>([this.memory, buffer, seam, u8, i32, hints, f64])
  }

  /** Runs code against a log of results. True if it came to its end, false if it wants one more. */
  run(log: ReadonlyArray<number>, code: () => void): boolean {
    this.log = log
    this.cursor = 0
    this.suspended = false
    try {
      code()
    } catch (error) {
      if (!this.suspended) throw error
    }
    // A `catch` or `finally` in the code may have swallowed the suspension.
    return !this.suspended
  }

  access(step: number, index: number, first: number, second: number): number {
    if (this.cursor < this.log.length && !this.suspended) return this.log[this.cursor++]
    if (!this.suspended) {
      if (this.cursor === accessLimit) throw new Error(`an operation made ${accessLimit} accesses and does not end`)
      this.suspended = true
      this.step = step
      this.index = index
      this.first = first
      this.second = second
    }
    throw suspension
  }

  private plain<A extends Int32Array | Uint8Array | Float64Array>(target: A, read: number, write: number): A {
    return new Proxy(target, {
      get: (array, key) => {
        if (typeof key === "string" && key.charCodeAt(0) <= 57) {
          return this.access(read, this.checked(Number(key), array.length), 0, 0)
        }
        if (key === "length") return array.length
        if (key === "buffer") return array.buffer
        throw new Error(`the explorer does not model ${String(key)} of a typed array: access elements one by one`)
      },
      set: (array, key, value) => {
        this.access(write, this.checked(Number(String(key)), array.length), Number(value), 0)
        return true
      }
    })
  }

  private checked(index: number, length: number): number {
    if (Number.isInteger(index) && index >= 0 && index < length) return index
    throw new RangeError(`access to element ${index} of ${length}`)
  }

  private atomic(i32: Int32Array, start: Int32Array, idle: ReadonlySet<number>): Seam {
    const at = (view: Int32Array, index: number): number => {
      if (view !== i32) throw new Error("an atomic access to another view than the model's i32")
      return this.checked(index, view.length)
    }
    const wait = (view: Int32Array, index: number, value: number) =>
      this.access(Step.Wait, at(view, index), value | 0, 0) === Woken ? ("ok" as const) : ("not-equal" as const)
    return {
      load: (view, index) => (idle.has(index) ? start[index] : this.access(Step.Load, at(view, index), 0, 0)),
      store: (view, index, value) => (idle.has(index) ? value : this.access(Step.Store, at(view, index), value | 0, 0)),
      add: (view, index, value) =>
        idle.has(index) ? start[index] : this.access(Step.Add, at(view, index), value | 0, 0),
      compareExchange: (view, index, expected, replacement) =>
        this.access(Step.Cas, at(view, index), expected | 0, replacement | 0),
      notify: (view, index, count) => this.access(Step.Notify, at(view, index), count ?? Infinity, 0),
      wait,
      waitAsync: (view, index, value) =>
        wait(view, index, value) === "ok"
          ? { async: true, value: Promise.resolve("ok") }
          : { async: false, value: "not-equal" }
    }
  }
}
