/**
 * The keyed process: state by key, timers by key in event time and in processing time.
 *
 * @since 0.1.0
 */
import type { HashKey } from "../../partition/KeyHash.ts"
import { noTime, type Operator, type OperatorContext, type Work } from "../Operator.ts"
import { Store, type StoreOptions } from "../Store.ts"
import { TimerHeap } from "./TimerHeap.ts"

/**
 * What a keyed process sees of where it runs. One object, used for every call: do not keep it.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProcessContext<in out K, in Out, in out Side = {}> {
  readonly key: K
  /** Event time of the element in hand, or of the timer that is due; `-Infinity` if elements have none. */
  readonly time: number
  /** How far event time has come. */
  readonly watermark: number
  /** Processing time. */
  readonly now: number
  /** Sends an element on, with the time of the element in hand. */
  readonly emit: (value: Out) => void
  /** Sends an element to a side output. */
  readonly side: <Name extends keyof Side & string>(name: Name, value: Side[Name]) => void
  /** Calls `onTimer` for this key once the watermark has come to `time`. */
  readonly timerAt: (time: number) => void
  /** Calls `onTimer` for this key once processing time has come to `time`. */
  readonly clockAt: (time: number) => void
  /** Forgets the state of this key after this call. */
  readonly forget: () => void
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ProcessHandlers {
  readonly init: (key: HashKey) => unknown
  readonly handle: (state: unknown, element: unknown, context: ProcessContext<HashKey, unknown>) => unknown
  readonly onTimer: ((state: unknown, context: ProcessContext<HashKey, unknown>) => unknown) | undefined
}

class Current implements ProcessContext<HashKey, unknown> {
  key: HashKey = 0
  time = noTime
  forgotten = false
  readonly timers = new TimerHeap()
  readonly clocks = new TimerHeap()
  private readonly context: OperatorContext
  constructor(context: OperatorContext) {
    this.context = context
  }
  get watermark(): number {
    return this.context.out.watermark
  }
  get now(): number {
    return this.context.now()
  }
  readonly emit = (value: unknown): void => this.context.out.emit(value, this.time)
  readonly side = (name: string, value: unknown): void => this.context.side(name).emit(value, this.time)
  readonly timerAt = (time: number): void => this.timers.add(time, this.key)
  readonly clockAt = (time: number): void => this.clocks.add(time, this.key)
  readonly forget = (): void => {
    this.forgotten = true
  }
}

export class ProcessOperator implements Operator {
  private readonly context: OperatorContext
  private readonly handlers: ProcessHandlers
  private readonly keyOf: (element: unknown) => HashKey
  private readonly store: Store<HashKey, unknown>
  private readonly current: Current

  constructor(context: OperatorContext, handlers: ProcessHandlers, store: StoreOptions<HashKey, unknown>) {
    this.context = context
    this.handlers = handlers
    this.keyOf = context.keyOf(0)
    this.store = new Store(store)
    this.current = new Current(context)
  }

  get due(): number {
    return this.current.clocks.first
  }

  /** What the age of state is measured against. */
  private ageAt(time: number): number {
    return time === noTime ? this.context.now() : time
  }

  onBatch(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>): Work {
    const { current, keyOf } = this
    const { handle } = this.handlers
    for (let i = 0; i < values.length; i++) {
      try {
        current.key = keyOf(values[i])
        current.time = times[i]
        const age = this.ageAt(times[i])
        const state = this.stateOf(age)
        this.keep(state, handle(state, values[i], current), age)
      } catch (cause) {
        this.context.faults.handle("element", cause, values[i], times[i])
      }
    }
    return undefined
  }

  private stateOf(age: number): unknown {
    const { key } = this.current
    return this.store.get(key, age) ?? this.handlers.init(key)
  }

  private keep(before: unknown, after: unknown, age: number): void {
    const { current, store } = this
    if (current.forgotten) {
      current.forgotten = false
      store.delete(current.key)
    } else store.set(current.key, after === undefined ? before : after, age)
  }

  private fire(key: HashKey, time: number, age: number): void {
    const { context, current, handlers } = this
    if (handlers.onTimer === undefined) return
    current.key = key
    current.time = time
    try {
      const state = this.stateOf(age)
      this.keep(state, handlers.onTimer(state, current), age)
    } catch (cause) {
      context.faults.handle("timer", cause, key, time)
    }
  }

  onWatermark(time: number): Work {
    const { current, store } = this
    const { timers } = current
    while (timers.first <= time && timers.first < Infinity) {
      const at = timers.first
      this.fire(timers.take(), at, at)
    }
    if (time < Infinity) store.expire(time)
    this.context.out.watermark = time
    return undefined
  }

  onClock(now: number): Work {
    const { clocks } = this.current
    while (clocks.first <= now) {
      const at = clocks.first
      this.fire(clocks.take(), this.context.out.watermark, at)
    }
    return undefined
  }
}
