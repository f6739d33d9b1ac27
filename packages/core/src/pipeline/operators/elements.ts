/**
 * Stages of plain functions, element by element. The `try` is around the loop, which goes on after
 * an element that failed: nothing is paid for elements that do not.
 *
 * @since 0.1.0
 */
import type { Collector, Faults, Operator, OperatorContext, Work } from "../Operator.ts"

/** An operator of one input that leaves event time as it is. */
export abstract class ElementOperator implements Operator {
  protected readonly out: Collector
  protected readonly faults: Faults

  constructor(context: OperatorContext) {
    this.out = context.out
    this.faults = context.faults
  }

  /** Handles elements from `from` on; `at` is the one in hand when it throws. */
  protected abstract run(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>, from: number): void
  protected at = 0

  onBatch(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>): Work {
    let from = 0
    let tries = 0
    while (from < values.length) {
      try {
        this.run(values, times, from)
        return undefined
      } catch (cause) {
        const { at, out } = this
        this.takeBack(out)
        if (at !== from) tries = 0
        if (tries < this.faults.retries) {
          tries++
          from = at
        } else {
          this.faults.handle("element", cause, values[at], times[at])
          tries = 0
          from = at + 1
        }
      }
    }
    return undefined
  }

  /** Forgets what the element in hand has emitted before it failed, so that a retry does not repeat it. */
  protected takeBack(_out: Collector): void {}

  onWatermark(time: number): Work {
    this.out.watermark = time
    return undefined
  }
}

export class MapOperator extends ElementOperator {
  private readonly f: (element: unknown) => unknown

  constructor(context: OperatorContext, f: (element: unknown) => unknown) {
    super(context)
    this.f = f
  }

  protected run(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>, from: number): void {
    const { f, out } = this
    const made = out.values
    const at = out.times
    let i = from
    try {
      for (; i < values.length; i++) {
        made.push(f(values[i]))
        at.push(times[i])
      }
    } finally {
      this.at = i
    }
  }
}

export class FilterOperator extends ElementOperator {
  private readonly keeps: (element: unknown) => boolean

  constructor(context: OperatorContext, keeps: (element: unknown) => boolean) {
    super(context)
    this.keeps = keeps
  }

  protected run(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>, from: number): void {
    const { keeps, out } = this
    let i = from
    try {
      for (; i < values.length; i++) if (keeps(values[i])) out.emit(values[i], times[i])
    } finally {
      this.at = i
    }
  }
}

export class FlatMapOperator extends ElementOperator {
  private readonly f: (element: unknown) => Iterable<unknown>
  /** How many elements were out when the one in hand began. */
  private kept = 0

  constructor(context: OperatorContext, f: (element: unknown) => Iterable<unknown>) {
    super(context)
    this.f = f
  }

  protected override takeBack(out: Collector): void {
    out.values.length = this.kept
    out.times.length = this.kept
  }

  protected run(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>, from: number): void {
    const { f, out } = this
    let i = from
    try {
      for (; i < values.length; i++) {
        this.kept = out.values.length
        const time = times[i]
        for (const made of f(values[i])) out.emit(made, time)
      }
    } finally {
      this.at = i
    }
  }
}
