/**
 * The local half of a local-global aggregation (the combiner of MapReduce, the mini-batch local-global
 * aggregation of Flink): elements of a key within a slice of event time become one accumulator
 * before they leave their subtask. A slice goes out once this subtask's watermark has passed it, with
 * its last moment as its time, so the windows behind it never see it late.
 *
 * @since 0.1.0
 */
import type { HashKey } from "../../partition/KeyHash.ts"
import { noTime, type Operator, type OperatorContext, type Work } from "../Operator.ts"
import { type Box, savedMap, untimed } from "./windows.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface CombineFunctions {
  readonly keyOf: (element: unknown) => HashKey
  readonly init: () => unknown
  readonly add: (acc: unknown, element: unknown) => unknown
  readonly save: ((acc: unknown) => unknown) | undefined
  readonly load: (saved: unknown) => unknown
}

/** Accumulators that wait for their slice to end; more of them go out early. */
const mostWaiting = 65_536

type Slice = Map<HashKey, Box>

type Saved = ReadonlyArray<readonly [start: number, accs: ReadonlyMap<HashKey, unknown>]>

export class CombineOperator implements Operator {
  private readonly context: OperatorContext
  private readonly size: number
  private readonly offset: number
  private readonly functions: CombineFunctions
  private readonly slices = new Map<number, Slice>()
  private first = Infinity
  private waiting = 0

  constructor(context: OperatorContext, size: number, offset: number, functions: CombineFunctions) {
    this.context = context
    this.size = size
    this.offset = offset
    this.functions = functions
  }

  onBatch(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>): Work {
    const { context, functions, offset, size } = this
    const { add, init, keyOf } = functions
    const passed = context.out.watermark
    // Neighbours are mostly of one slice.
    let start = Infinity
    let slice: Slice | undefined
    for (let i = 0; i < values.length; i++) {
      const time = times[i]
      try {
        if (slice === undefined || time < start || time >= start + size) {
          if (time === noTime) throw untimed()
          start = Math.floor((time - offset) / size) * size + offset
          slice = this.sliceAt(start)
        }
        const key = keyOf(values[i])
        if (start + size - 1 <= passed) {
          // The windows behind know whether it is late.
          context.out.emit({ key, acc: add(init(), values[i]) }, time)
          continue
        }
        const box = slice.get(key)
        if (box === undefined) {
          slice.set(key, { acc: add(init(), values[i]) })
          this.waiting++
        } else box.acc = add(box.acc, values[i])
      } catch (cause) {
        context.faults.handle("element", cause, values[i], time)
      }
    }
    if (this.waiting > mostWaiting) this.emitUpTo(Infinity)
    return undefined
  }

  private sliceAt(start: number): Slice {
    let slice = this.slices.get(start)
    if (slice === undefined) {
      slice = new Map()
      if (start + this.size - 1 > this.context.out.watermark) {
        this.slices.set(start, slice)
        if (start < this.first) this.first = start
      }
    }
    return slice
  }

  private emitUpTo(time: number): void {
    const { out } = this.context
    const { size, slices } = this
    const ended = [...slices.keys()].filter((start) => start + size - 1 <= time).sort((a, b) => a - b)
    for (const start of ended) {
      const slice = slices.get(start)!
      slices.delete(start)
      this.waiting -= slice.size
      for (const [key, { acc }] of slice) out.emit({ key, acc }, start + size - 1)
    }
    this.first = Infinity
    for (const start of slices.keys()) if (start < this.first) this.first = start
  }

  onWatermark(time: number): Work {
    if (this.first + this.size - 1 <= time) this.emitUpTo(time)
    this.context.out.watermark = time
    return undefined
  }

  snapshot(): Saved {
    const { save } = this.functions
    return Array.from(this.slices, ([start, slice]) => [start, savedMap(slice, save)])
  }

  restore(saved: Saved): void {
    for (const [start, accs] of saved) {
      const slice: Slice = new Map()
      for (const [key, acc] of accs) slice.set(key, { acc: this.functions.load(acc) })
      this.slices.set(start, slice)
      this.waiting += slice.size
      if (start < this.first) this.first = start
    }
  }
}
