/**
 * Gives elements their event time, and says how far it has come: the highest time seen, less how
 * much out of order elements may be.
 *
 * @since 0.1.0
 */
import type { Collector, Operator, OperatorContext, Work } from "../Operator.ts"

/** Whole milliseconds: windows end one before their end. */
const wholeTime = (given: number): number => {
  const time = Math.floor(given)
  if (!Number.isFinite(time)) throw new RangeError(`event time ${time} is not a finite number`)
  return time
}

export class EventTimeOperator implements Operator {
  due = Infinity
  private readonly context: OperatorContext
  private readonly out: Collector
  private readonly timeOf: (element: unknown) => number
  private readonly outOfOrderness: number
  private readonly idleAfter: number
  private highest = -Infinity
  private idle = false

  constructor(
    context: OperatorContext,
    timeOf: (element: unknown) => number,
    outOfOrderness: number,
    idleAfter: number
  ) {
    this.context = context
    this.out = context.out
    this.timeOf = timeOf
    this.outOfOrderness = outOfOrderness
    this.idleAfter = idleAfter
    this.wakeLater()
  }

  private wakeLater(): void {
    if (this.idleAfter < Infinity) this.due = this.context.now() + this.idleAfter
  }

  onBatch(values: ReadonlyArray<unknown>): Work {
    const { out, timeOf } = this
    let { highest } = this
    const times = new Array<number>(values.length)
    let at = 0
    try {
      for (; at < values.length; at++) {
        const time = wholeTime(timeOf(values[at]))
        if (time > highest) highest = time
        times[at] = time
      }
      // Handed on as they are: nobody changes a batch.
      out.values = values as Array<unknown>
      out.times = times
    } catch (cause) {
      out.values = values.slice(0, at)
      out.times = times.slice(0, at)
      this.context.faults.handle("time", cause, values[at], out.watermark)
      highest = this.rest(values, at + 1, highest)
    }
    this.highest = highest
    // Elements of the watermark's own time have come, so it is one behind the last that may.
    if (highest - this.outOfOrderness - 1 > out.watermark) out.watermark = highest - this.outOfOrderness - 1
    if (this.idle) {
      this.idle = false
      this.context.idle(false)
    }
    this.wakeLater()
    return undefined
  }

  /** Element by element, after one that has no time; gives the highest. */
  private rest(values: ReadonlyArray<unknown>, from: number, before: number): number {
    let highest = before
    for (let i = from; i < values.length; i++) {
      try {
        const time = wholeTime(this.timeOf(values[i]))
        if (time > highest) highest = time
        this.out.emit(values[i], time)
      } catch (cause) {
        this.context.faults.handle("time", cause, values[i], this.out.watermark)
      }
    }
    return highest
  }

  onClock(): Work {
    this.due = Infinity
    this.idle = true
    this.context.idle(true)
    return undefined
  }

  snapshot(): unknown {
    return { highest: this.highest, idle: this.idle }
  }

  restore({ highest, idle }: { readonly highest: number; readonly idle: boolean }): void {
    this.highest = highest
    this.idle = idle
    if (idle) this.due = Infinity
  }

  /** Event time begins here: what came before does not count, but for the end. */
  onWatermark(time: number): Work {
    if (time === Infinity) {
      this.due = Infinity
      this.out.watermark = time
    }
    return undefined
  }
}
