/**
 * Tumbling and hopping windows by key. State is kept window by window, not key by key: when the
 * watermark completes a window, all its keys go out in one sweep and nothing is looked up.
 *
 * @since 0.1.0
 */
import type { HashKey } from "../../partition/KeyHash.ts"
import { noTime, type Operator, type OperatorContext, type Work } from "../Operator.ts"
import type { WindowBounds, WindowClock } from "../Window.ts"

/**
 * An aggregate and what becomes of its result.
 *
 * @category models
 * @since 0.1.0
 */
export interface WindowFunctions {
  readonly init: () => unknown
  readonly add: (acc: unknown, element: unknown) => unknown
  readonly merge: (left: unknown, right: unknown) => unknown
  readonly result: (acc: unknown) => unknown
  readonly emit: (key: HashKey, total: unknown, bounds: WindowBounds) => unknown
  /** To plain data; undefined if an accumulator is that already. */
  readonly save: ((acc: unknown) => unknown) | undefined
  readonly load: (saved: unknown) => unknown
}

type PaneSnapshot = readonly [start: number, fired: boolean, accs: ReadonlyMap<HashKey, unknown>]

interface HoppingSnapshot {
  readonly reached: number
  readonly next: number
  readonly panes: ReadonlyArray<PaneSnapshot>
}

/**
 * The accumulator of a key, in a box: to change what a box holds costs less than to change a `Map`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Box {
  acc: unknown
}

/** Accumulators as plain data. */
export const savedMap = (
  accs: ReadonlyMap<HashKey, Box>,
  save: ((acc: unknown) => unknown) | undefined
): ReadonlyMap<HashKey, unknown> => {
  const saved = new Map<HashKey, unknown>()
  for (const [key, { acc }] of accs) saved.set(key, save === undefined ? acc : save(acc))
  return saved
}

/** What is wrong with an element without a time. */
export const untimed = () => new RangeError("the element has no event time: put Pipeline.eventTime before the window")

class Pane implements WindowBounds {
  readonly start: number
  readonly end: number
  readonly accs = new Map<HashKey, Box>()
  fired = false
  constructor(start: number, end: number) {
    this.start = start
    this.end = end
  }
}

/** What a hopping operator is told; durations in milliseconds. */
interface Hopping {
  readonly size: number
  readonly every: number
  readonly offset: number
  readonly lateness: number
  readonly clock: WindowClock
}

export class HoppingOperator implements Operator {
  private readonly context: OperatorContext
  private readonly window: Hopping
  private readonly functions: WindowFunctions
  private readonly keyOf: (element: unknown) => HashKey
  private readonly panes = new Map<number, Pane>()
  /** Time as far as these windows are concerned. */
  private reached = -Infinity
  /** The next time at which a window is complete, or may be forgotten. */
  private next = Infinity

  constructor(context: OperatorContext, window: Hopping, functions: WindowFunctions) {
    this.context = context
    this.window = window
    this.functions = functions
    this.keyOf = context.keyOf(0)
  }

  get due(): number {
    return this.window.clock === "processing" ? this.next : Infinity
  }

  onBatch(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>): Work {
    const { context, functions, keyOf, window } = this
    const { every, offset, size } = window
    const now = window.clock === "processing" ? context.now() : undefined
    // Neighbours are mostly of the same windows; looking for one by its time costs as much as all the rest.
    let near: Pane | undefined
    for (let i = 0; i < values.length; i++) {
      const value = values[i]
      try {
        const time = now ?? times[i]
        if (time === noTime) throw untimed()
        const key = keyOf(value)
        let late = true
        for (let start = Math.floor((time - offset) / every) * every + offset; start > time - size; start -= every) {
          const pane: Pane | undefined = near?.start === start ? near : this.paneAt(start)
          if (pane === undefined) continue
          if (every === size) near = pane
          late = false
          const box = pane.accs.get(key)
          const acc = functions.add(box === undefined ? functions.init() : box.acc, value)
          if (box === undefined) pane.accs.set(key, { acc })
          else box.acc = acc
          if (pane.fired) this.emit(pane, key, acc)
        }
        if (late) context.side("late").emit(value, time)
      } catch (cause) {
        context.faults.handle("element", cause, value, times[i])
      }
    }
    return undefined
  }

  /** The window that begins at `start`, unless it was closed. */
  private paneAt(start: number): Pane | undefined {
    let pane = this.panes.get(start)
    if (pane !== undefined) return pane
    const { lateness, size } = this.window
    const end = start + size
    if (end - 1 + lateness <= this.reached) return undefined
    pane = new Pane(start, end)
    // Complete already, and open for late elements: each of them goes out.
    pane.fired = end - 1 <= this.reached
    this.panes.set(start, pane)
    this.next = Math.min(this.next, pane.fired ? end - 1 + lateness : end - 1)
    return pane
  }

  private emit(pane: Pane, key: HashKey, acc: unknown): void {
    const { context, functions } = this
    context.out.emit(functions.emit(key, functions.result(acc), pane), pane.end - 1)
  }

  onWatermark(time: number): Work {
    if (this.window.clock === "event" || time === Infinity) this.advance(time)
    this.context.out.watermark = time
    return undefined
  }

  onClock(now: number): Work {
    this.advance(now)
    return undefined
  }

  snapshot(): unknown {
    const { save } = this.functions
    const panes: Array<PaneSnapshot> = []
    for (const { accs, fired, start } of this.panes.values()) panes.push([start, fired, savedMap(accs, save)])
    return { reached: this.reached, next: this.next, panes }
  }

  restore({ next, panes, reached }: HoppingSnapshot): void {
    this.reached = reached
    this.next = next
    for (const [start, fired, accs] of panes) {
      const pane = new Pane(start, start + this.window.size)
      pane.fired = fired
      for (const [key, acc] of accs) pane.accs.set(key, { acc: this.functions.load(acc) })
      this.panes.set(start, pane)
    }
  }

  private advance(time: number): void {
    this.reached = time
    if (time < this.next) return
    const { lateness } = this.window
    let next = Infinity
    const complete: Array<Pane> = []
    for (const pane of this.panes.values()) {
      const last = pane.end - 1
      if (!pane.fired && last <= time) complete.push(pane)
      if (last + lateness <= time) this.panes.delete(pane.start)
      else next = Math.min(next, last <= time ? last + lateness : last)
    }
    this.next = next
    complete.sort((a, b) => a.start - b.start)
    for (const pane of complete) {
      pane.fired = true
      for (const [key, { acc }] of pane.accs) {
        try {
          this.emit(pane, key, acc)
        } catch (cause) {
          this.context.faults.handle("window", cause, key, pane.end - 1)
        }
      }
    }
  }
}
