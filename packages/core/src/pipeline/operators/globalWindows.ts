/**
 * The global window with a trigger on count.
 *
 * @since 0.1.0
 */
import type { HashKey } from "../../partition/KeyHash.ts"
import type { Operator, OperatorContext, Work } from "../Operator.ts"
import type { WindowFunctions } from "./windows.ts"

interface Gathered {
  acc: unknown
  count: number
  time: number
}

const bounds = { start: -Infinity, end: Infinity }

export class GlobalOperator implements Operator {
  private readonly context: OperatorContext
  private readonly count: number
  private readonly functions: WindowFunctions
  private readonly keyOf: (element: unknown) => HashKey
  private readonly gathered = new Map<HashKey, Gathered>()

  constructor(context: OperatorContext, count: number, functions: WindowFunctions) {
    this.context = context
    this.count = count
    this.functions = functions
    this.keyOf = context.keyOf(0)
  }

  onBatch(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>): Work {
    const { context, count, functions, gathered, keyOf } = this
    for (let i = 0; i < values.length; i++) {
      try {
        const key = keyOf(values[i])
        let one = gathered.get(key)
        if (one === undefined) gathered.set(key, (one = { acc: functions.init(), count: 0, time: times[i] }))
        one.acc = functions.add(one.acc, values[i])
        one.count++
        one.time = Math.max(one.time, times[i])
        if (one.count === count) {
          gathered.delete(key)
          this.emit(key, one)
        }
      } catch (cause) {
        context.faults.handle("element", cause, values[i], times[i])
      }
    }
    return undefined
  }

  snapshot(): unknown {
    const { save } = this.functions
    if (save === undefined) return this.gathered
    const saved = new Map<HashKey, Gathered>()
    for (const [key, { acc, count, time }] of this.gathered) saved.set(key, { acc: save(acc), count, time })
    return saved
  }

  restore(saved: ReadonlyMap<HashKey, Gathered>): void {
    for (const [key, { acc, count, time }] of saved) {
      this.gathered.set(key, { acc: this.functions.load(acc), count, time })
    }
  }

  private emit(key: HashKey, one: Gathered): void {
    const { context, functions } = this
    context.out.emit(functions.emit(key, functions.result(one.acc), bounds), one.time)
  }

  onWatermark(time: number): Work {
    if (time === Infinity) {
      for (const [key, one] of this.gathered) {
        try {
          this.emit(key, one)
        } catch (cause) {
          this.context.faults.handle("window", cause, key, one.time)
        }
      }
      this.gathered.clear()
    }
    this.context.out.watermark = time
    return undefined
  }
}
