/**
 * Gives elements their event time, and says how far it has come: the highest time seen, less how
 * much out of order elements may be.
 *
 * @since 0.1.0
 */
import type { Collector, Operator, OperatorContext, Work } from "../Operator.ts"

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
    for (let i = 0; i < values.length; i++) {
      const value = values[i]
      try {
        // Whole milliseconds: windows end one before their end.
        const time = Math.floor(timeOf(value))
        if (!Number.isFinite(time)) throw new RangeError(`event time ${time} is not a finite number`)
        if (time > highest) highest = time
        out.emit(value, time)
      } catch (cause) {
        this.context.faults.handle("time", cause, value, out.watermark)
      }
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

  onClock(): Work {
    this.due = Infinity
    this.idle = true
    this.context.idle(true)
    return undefined
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
