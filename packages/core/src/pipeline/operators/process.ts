/**
 * The keyed process: state by key, timers by key in event time and in processing time.
 *
 * @since 0.1.0
 */
import type { HashKey } from "../../partition/KeyHash.ts"
import { noTime, type Operator, type OperatorContext, type Work } from "../Operator.ts"
import { type Entries, type Entry, Store, type StoreOptions } from "../Store.ts"
import type { Moment } from "../state/containers.ts"
import { TimerHeap, type Timers } from "./TimerHeap.ts"

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
  /** What the containers of a state measure age by; undefined if it has none. */
  readonly moment: Moment | undefined
  /** To plain data; undefined if state is that already. */
  readonly save: ((state: unknown) => unknown) | undefined
  readonly load: (saved: unknown) => unknown
}

interface ProcessSnapshot {
  readonly states: Entries<HashKey, unknown>
  readonly timers: Timers
  readonly clocks: Timers
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

  /** What the age of state is measured against, where it matters. */
  private ageAt(time: number): number {
    const { moment } = this.handlers
    if (moment === undefined && !this.store.ages) return 0
    const age = time === noTime ? this.context.now() : time
    if (moment !== undefined) moment.time = age
    return age
  }

  onBatch(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>): Work {
    const { current, keyOf, store } = this
    const { handle, init } = this.handlers
    for (let i = 0; i < values.length; i++) {
      try {
        const key = keyOf(values[i])
        current.key = key
        current.time = times[i]
        const age = this.ageAt(times[i])
        const entry = store.entry(key, age)
        const state = entry === undefined ? init(key) : entry.state
        this.keep(entry, state, handle(state, values[i], current), age)
      } catch (cause) {
        this.context.faults.handle("element", cause, values[i], times[i])
      }
    }
    return undefined
  }

  private keep(entry: Entry<unknown> | undefined, before: unknown, after: unknown, age: number): void {
    const { current, store } = this
    const { key } = current
    const state = after === undefined ? before : after
    if (current.forgotten) {
      current.forgotten = false
      store.delete(key)
    } else if (entry === undefined) store.set(key, state, age)
    else store.use(key, entry, state, age)
  }

  private fire(key: HashKey, time: number, age: number): void {
    const { context, current, handlers } = this
    if (handlers.onTimer === undefined) return
    if (handlers.moment !== undefined) handlers.moment.time = age
    current.key = key
    current.time = time
    try {
      const entry = this.store.entry(key, age)
      const state = entry === undefined ? handlers.init(key) : entry.state
      this.keep(entry, state, handlers.onTimer(state, current), age)
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

  snapshot(): unknown {
    const { current, handlers, store } = this
    const { save } = handlers
    const entries = store.snapshot()
    const states =
      save === undefined
        ? entries
        : new Map(Array.from(entries, ([key, { state, usedAt }]) => [key, { state: save(state), usedAt }]))
    return { states, timers: current.timers.snapshot(), clocks: current.clocks.snapshot() }
  }

  restore(saved: ProcessSnapshot): void {
    const { current, handlers, store } = this
    store.restore(
      new Map(Array.from(saved.states, ([key, { state, usedAt }]) => [key, { state: handlers.load(state), usedAt }]))
    )
    current.timers.restore(saved.timers)
    current.clocks.restore(saved.clocks)
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
