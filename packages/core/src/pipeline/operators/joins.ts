/**
 * Joins of two inputs by key, port 0 left and port 1 right.
 *
 * @since 0.1.0
 */
import type { HashKey } from "../../partition/KeyHash.ts"
import { noTime, type Operator, type OperatorContext, type Work } from "../Operator.ts"
import { type Timed, TimedBuffer, timedOf } from "./TimedBuffer.ts"
import { untimed } from "./windows.ts"

type Combine = (left: unknown, right: unknown) => unknown

const buffersFor = (map: Map<HashKey, readonly [TimedBuffer, TimedBuffer]>, key: HashKey) => {
  let pair = map.get(key)
  if (pair === undefined) map.set(key, (pair = [new TimedBuffer(), new TimedBuffer()]))
  return pair
}

type Pairs = Map<HashKey, readonly [TimedBuffer, TimedBuffer]>
type TimedPairs = ReadonlyMap<HashKey, readonly [Timed, Timed]>

const timedPairs = (pairs: Pairs): TimedPairs =>
  new Map(Array.from(pairs, ([key, [left, right]]) => [key, [timedOf(left), timedOf(right)] as const]))

const pairsOf = (pairs: TimedPairs): Pairs =>
  new Map(
    Array.from(pairs, ([key, [left, right]]) => [key, [TimedBuffer.from(left), TimedBuffer.from(right)] as const])
  )

/** What is the same for all joins by key and time. */
abstract class KeyedJoin implements Operator {
  protected readonly context: OperatorContext
  protected readonly combine: Combine
  private readonly keys: ReadonlyArray<(element: unknown) => HashKey>

  constructor(context: OperatorContext, combine: Combine) {
    this.context = context
    this.combine = combine
    this.keys = [context.keyOf(0), context.keyOf(1)]
  }

  /** Takes an element; false if it is late. */
  protected abstract take(key: HashKey, value: unknown, time: number, port: number): boolean
  /** Everything up to `time` has come. */
  protected abstract sweep(time: number): void

  onBatch(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>, port: number): Work {
    const { context } = this
    const keyOf = this.keys[port]
    for (let i = 0; i < values.length; i++) {
      try {
        if (times[i] === noTime) throw untimed()
        const taken = this.take(keyOf(values[i]), values[i], times[i], port)
        if (!taken) context.side(port === 0 ? "lateLeft" : "lateRight").emit(values[i], times[i])
      } catch (cause) {
        context.faults.handle("element", cause, values[i], times[i])
      }
    }
    return undefined
  }

  onWatermark(time: number): Work {
    this.sweep(time)
    this.context.out.watermark = time
    return undefined
  }
}

/** What came on each side in a window, by key. */
type Pane = readonly [Map<HashKey, Array<unknown>>, Map<HashKey, Array<unknown>>]

/** Pairs of the same key and the same tumbling window; a pair has the last time of its window. */
export class WindowJoinOperator extends KeyedJoin {
  private readonly size: number
  private readonly panes = new Map<number, Pane>()

  constructor(context: OperatorContext, combine: Combine, size: number) {
    super(context, combine)
    this.size = size
  }

  protected take(key: HashKey, value: unknown, time: number, port: number): boolean {
    const start = Math.floor(time / this.size) * this.size
    if (start + this.size - 1 <= this.context.out.watermark) return false
    let pane = this.panes.get(start)
    if (pane === undefined) this.panes.set(start, (pane = [new Map(), new Map()]))
    const side = pane[port]
    const known = side.get(key)
    if (known === undefined) side.set(key, [value])
    else known.push(value)
    return true
  }

  snapshot(): unknown {
    return this.panes
  }

  restore(panes: ReadonlyMap<number, Pane>): void {
    for (const [start, pane] of panes) this.panes.set(start, pane)
  }

  protected sweep(time: number): void {
    const { combine, context, panes, size } = this
    const complete: Array<number> = []
    for (const start of panes.keys()) if (start + size - 1 <= time) complete.push(start)
    for (const start of complete.sort((a, b) => a - b)) {
      const [lefts, rights] = panes.get(start)!
      panes.delete(start)
      for (const [key, own] of lefts) {
        for (const right of rights.get(key) ?? []) {
          for (const left of own) context.out.emit(combine(left, right), start + size - 1)
        }
      }
    }
  }
}

/**
 * Pairs of the same key whose right comes from `lower` to `upper` after its left. A pair goes out
 * as soon as both have come, with the later of their times.
 */
export class IntervalJoinOperator extends KeyedJoin {
  private readonly lower: number
  private readonly upper: number
  private readonly buffers = new Map<HashKey, readonly [TimedBuffer, TimedBuffer]>()
  private swept = -Infinity

  constructor(context: OperatorContext, combine: Combine, lower: number, upper: number) {
    super(context, combine)
    this.lower = lower
    this.upper = upper
  }

  protected take(key: HashKey, value: unknown, time: number, port: number): boolean {
    if (time <= this.context.out.watermark) return false
    const pair = buffersFor(this.buffers, key)
    pair[port].add(time, value)
    const other = pair[1 - port]
    const from = port === 0 ? time + this.lower : time - this.upper
    const to = port === 0 ? time + this.upper : time - this.lower
    const { combine, context } = this
    for (let i = other.indexOf(from); i < other.length && other.times[i] <= to; i++) {
      const pairOf = port === 0 ? combine(value, other.values[i]) : combine(other.values[i], value)
      context.out.emit(pairOf, Math.max(time, other.times[i]))
    }
    return true
  }

  snapshot(): unknown {
    return { swept: this.swept, pairs: timedPairs(this.buffers) }
  }

  restore({ pairs, swept }: { readonly pairs: TimedPairs; readonly swept: number }): void {
    this.swept = swept
    for (const [key, pair] of pairsOf(pairs)) this.buffers.set(key, pair)
  }

  protected sweep(time: number): void {
    // Nothing that is dropped could still meet anybody; once per interval is often enough.
    if (time < Infinity && time - this.swept < Math.max(1, this.upper - this.lower) / 4) return
    this.swept = time
    for (const [key, [lefts, rights]] of this.buffers) {
      lefts.dropBefore(time - this.upper)
      rights.dropBefore(time + this.lower)
      if (lefts.length === 0 && rights.length === 0) this.buffers.delete(key)
    }
  }
}

/**
 * Elements with what a table has for them. The table comes on port 1, by broadcast, and later rows of
 * a key replace earlier ones. Elements wait until the whole table has come, so the result does not
 * depend on who is faster.
 */
export class TableJoinOperator implements Operator {
  private readonly context: OperatorContext
  private readonly combine: (element: unknown, row: unknown) => unknown
  private readonly keyOfElement: (element: unknown) => HashKey
  private readonly keyOfRow: (row: unknown) => HashKey
  private readonly table = new Map<HashKey, unknown>()
  private complete = false
  private waiting: Array<unknown> = []
  private waitingTimes: Array<number> = []

  constructor(
    context: OperatorContext,
    combine: (element: unknown, row: unknown) => unknown,
    keyOfElement: (element: unknown) => HashKey,
    keyOfRow: (row: unknown) => HashKey
  ) {
    this.context = context
    this.combine = combine
    this.keyOfElement = keyOfElement
    this.keyOfRow = keyOfRow
  }

  onBatch(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>, port: number): Work {
    const { faults } = this.context
    if (port === 0 && !this.complete) {
      for (let i = 0; i < values.length; i++) {
        this.waiting.push(values[i])
        this.waitingTimes.push(times[i])
      }
      return undefined
    }
    for (let i = 0; i < values.length; i++) {
      try {
        if (port === 1) this.table.set(this.keyOfRow(values[i]), values[i])
        else this.join(values[i], times[i])
      } catch (cause) {
        faults.handle("element", cause, values[i], times[i])
      }
    }
    return undefined
  }

  snapshot(): unknown {
    const { complete, table, waiting, waitingTimes } = this
    return { complete, table, waiting, waitingTimes }
  }

  restore(state: {
    readonly complete: boolean
    readonly table: ReadonlyMap<HashKey, unknown>
    readonly waiting: Array<unknown>
    readonly waitingTimes: Array<number>
  }): void {
    this.complete = state.complete
    this.waiting = state.waiting
    this.waitingTimes = state.waitingTimes
    for (const [key, row] of state.table) this.table.set(key, row)
  }

  private join(element: unknown, time: number): void {
    const joined = this.combine(element, this.table.get(this.keyOfElement(element)))
    if (joined !== undefined) this.context.out.emit(joined, time)
  }

  onInputEnd(port: number): Work {
    if (port !== 1) return undefined
    this.complete = true
    const { waiting, waitingTimes } = this
    this.waiting = []
    this.waitingTimes = []
    return this.onBatch(waiting, waitingTimes, 0)
  }

  onWatermark(time: number): Work {
    this.context.out.watermark = time
    return undefined
  }
}

/** All of several inputs. */
export class UnionOperator implements Operator {
  private readonly context: OperatorContext
  constructor(context: OperatorContext) {
    this.context = context
  }
  onBatch(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>): Work {
    // Handed on as they are: what drives this takes them along before the next batch.
    this.context.out.values = values as Array<unknown>
    this.context.out.times = times as Array<number>
    return undefined
  }
  onWatermark(time: number): Work {
    this.context.out.watermark = time
    return undefined
  }
}
