/**
 * The global window: elements of a key are gathered until a trigger fires, by their count or by the
 * time since the first of them.
 *
 * @since 0.1.0
 */
import type { HashKey } from "../../partition/KeyHash.ts"
import { noTime, type Operator, type OperatorContext, type Work } from "../Operator.ts"
import type { WindowClock } from "../Window.ts"
import { TimerHeap } from "./TimerHeap.ts"
import { untimed, type WindowFunctions } from "./windows.ts"

interface Gathered {
  acc: unknown
  /** Elements that have not been out. */
  count: number
  /** The latest of them. */
  time: number
  /** When they go out at the latest. */
  due: number
}

/** What a global operator is told; durations in milliseconds. */
interface Global {
  readonly count: number
  readonly within: number
  readonly clock: WindowClock
  readonly keep: boolean
}

const bounds = { start: -Infinity, end: Infinity }

export class GlobalOperator implements Operator {
  private readonly context: OperatorContext
  private readonly window: Global
  private readonly functions: WindowFunctions
  private readonly keyOf: (element: unknown) => HashKey
  private readonly gathered = new Map<HashKey, Gathered>()
  private readonly timers = new TimerHeap()
  /** The timer of a key; it stays when its elements go out before it, and serves those that come after them. */
  private readonly armed = new Map<HashKey, number>()

  constructor(context: OperatorContext, window: Global, functions: WindowFunctions) {
    this.context = context
    this.window = window
    this.functions = functions
    this.keyOf = context.keyOf(0)
  }

  get due(): number {
    return this.window.clock === "processing" ? this.timers.first : Infinity
  }

  onBatch(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>): Work {
    const { context, functions, gathered, keyOf } = this
    const { clock, count, within } = this.window
    const now = clock === "processing" ? context.now() : undefined
    for (let i = 0; i < values.length; i++) {
      try {
        const time = times[i]
        const key = keyOf(values[i])
        if (within !== Infinity && now === undefined && time === noTime) throw untimed()
        let one = gathered.get(key)
        if (one === undefined) {
          gathered.set(key, (one = { acc: functions.init(), count: 0, time: noTime, due: Infinity }))
        }
        one.acc = functions.add(one.acc, values[i])
        if (++one.count === 1 && within !== Infinity) this.arm(key, (one.due = (now ?? time) + within))
        if (time > one.time) one.time = time
        if (one.count >= count) this.fire(key, one, one.time)
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
    for (const [key, one] of this.gathered) saved.set(key, { ...one, acc: save(one.acc) })
    return saved
  }

  restore(saved: ReadonlyMap<HashKey, Gathered>): void {
    for (const [key, one] of saved) {
      this.gathered.set(key, { ...one, acc: this.functions.load(one.acc) })
      if (one.due !== Infinity) this.arm(key, one.due)
    }
  }

  private arm(key: HashKey, at: number): void {
    const known = this.armed.get(key)
    if (known !== undefined && known <= at) return
    this.armed.set(key, at)
    this.timers.add(at, key)
  }

  /** Forgotten before it goes out: a result that cannot be made is not tried again. */
  private fire(key: HashKey, one: Gathered, time: number): void {
    const { context, functions, window } = this
    if (window.keep) {
      one.count = 0
      one.due = Infinity
    } else this.gathered.delete(key)
    context.out.emit(functions.emit(key, functions.result(one.acc), bounds), time)
  }

  private fireOrFault(key: HashKey, one: Gathered, time: number): void {
    try {
      this.fire(key, one, time)
    } catch (cause) {
      this.context.faults.handle("window", cause, key, time)
    }
  }

  onWatermark(time: number): Work {
    if (time === Infinity) {
      for (const [key, one] of this.gathered) if (one.count > 0) this.fireOrFault(key, one, one.time)
      this.gathered.clear()
    } else if (this.window.clock === "event") this.fireUpTo(time + 1, true)
    this.context.out.watermark = time
    return undefined
  }

  onClock(now: number): Work {
    this.fireUpTo(now, false)
    return undefined
  }

  /** Fires what is due by `until`; by event time a result is of the moment at which it was due, if no element is later. */
  private fireUpTo(until: number, eventTime: boolean): void {
    const { armed, gathered, timers } = this
    while (timers.first <= until && timers.first < Infinity) {
      const at = timers.first
      const key = timers.take()
      if (armed.get(key) === at) armed.delete(key)
      const one = gathered.get(key)
      if (one === undefined || one.due === Infinity) continue
      if (one.due > at) this.arm(key, one.due)
      else this.fireOrFault(key, one, eventTime ? Math.max(one.time, one.due - 1) : one.time)
    }
  }
}
