/**
 * Sliding windows by key: for each element the elements of the `size` up to it. A result waits for
 * the watermark, so elements that come out of order count all the same.
 *
 * @since 0.1.0
 */
import type { HashKey } from "../../partition/KeyHash.ts"
import { noTime, type Operator, type OperatorContext, type Work } from "../Operator.ts"
import { TimerHeap, type Timers } from "./TimerHeap.ts"
import { type Timed, TimedBuffer, timedOf } from "./TimedBuffer.ts"
import { untimed, type WindowFunctions } from "./windows.ts"

export class SlidingOperator implements Operator {
  private readonly context: OperatorContext
  private readonly size: number
  private readonly functions: WindowFunctions
  private readonly keyOf: (element: unknown) => HashKey
  private readonly buffers = new Map<HashKey, TimedBuffer>()
  private readonly timers = new TimerHeap()
  private readonly expiries = new TimerHeap()

  constructor(context: OperatorContext, size: number, functions: WindowFunctions) {
    this.context = context
    this.size = size
    this.functions = functions
    this.keyOf = context.keyOf(0)
  }

  onBatch(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>): Work {
    const { buffers, context, expiries, keyOf, size, timers } = this
    for (let i = 0; i < values.length; i++) {
      const time = times[i]
      try {
        if (time === noTime) throw untimed()
        if (time <= context.out.watermark) {
          context.side("late").emit(values[i], time)
          continue
        }
        const key = keyOf(values[i])
        let buffer = buffers.get(key)
        if (buffer === undefined) buffers.set(key, (buffer = new TimedBuffer()))
        buffer.add(time, values[i])
        timers.add(time, key)
        expiries.add(time + size, key)
      } catch (cause) {
        context.faults.handle("element", cause, values[i], time)
      }
    }
    return undefined
  }

  onWatermark(time: number): Work {
    const { buffers, context, expiries, size, timers } = this
    while (timers.first <= time && timers.first < Infinity) {
      const at = timers.first
      const key = timers.take()
      try {
        this.emit(key, buffers.get(key)!, at)
      } catch (cause) {
        context.faults.handle("window", cause, key, at)
      }
    }
    while (expiries.first <= time && expiries.first < Infinity) {
      const at = expiries.first
      const key = expiries.take()
      const buffer = buffers.get(key)
      if (buffer === undefined) continue
      buffer.dropBefore(at - size + 1)
      if (buffer.length === 0) buffers.delete(key)
    }
    context.out.watermark = time
    return undefined
  }

  snapshot(): unknown {
    const buffers = new Map<HashKey, Timed>()
    for (const [key, buffer] of this.buffers) buffers.set(key, timedOf(buffer))
    return { buffers, timers: this.timers.snapshot(), expiries: this.expiries.snapshot() }
  }

  restore(state: {
    readonly buffers: ReadonlyMap<HashKey, Timed>
    readonly timers: Timers
    readonly expiries: Timers
  }): void {
    for (const [key, timed] of state.buffers) this.buffers.set(key, TimedBuffer.from(timed))
    this.timers.restore(state.timers)
    this.expiries.restore(state.expiries)
  }

  private emit(key: HashKey, buffer: TimedBuffer, at: number): void {
    const { context, functions, size } = this
    const from = buffer.indexOf(at - size + 1)
    const to = buffer.indexOf(at + 1)
    let acc = functions.init()
    for (let i = from; i < to; i++) acc = functions.add(acc, buffer.values[i])
    const bounds = { start: at - size + 1, end: at + 1 }
    for (let i = buffer.indexOf(at); i < to; i++) {
      context.out.emit(functions.emit(key, functions.result(acc), bounds), at)
    }
  }
}
