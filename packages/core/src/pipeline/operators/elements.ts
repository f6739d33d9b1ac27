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
    if (from === 0) return this.whole(values, times)
    let i = from
    try {
      for (; i < values.length; i++) out.emit(f(values[i]), times[i])
    } finally {
      this.at = i
    }
  }

  /** One out for each in: an array of the right size, and the times as they are. */
  private whole(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>): void {
    const { f, out } = this
    const made = new Array<unknown>(values.length)
    let i = 0
    try {
      for (; i < values.length; i++) made[i] = f(values[i])
    } finally {
      const all = i === values.length
      out.values = all ? made : made.slice(0, i)
      out.times = all ? (times as Array<number>) : times.slice(0, i)
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

/** What `f` makes of elements, but for what it makes `undefined` of. */
export class FilterMapOperator extends ElementOperator {
  private readonly f: (element: unknown) => unknown

  constructor(context: OperatorContext, f: (element: unknown) => unknown) {
    super(context)
    this.f = f
  }

  protected run(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>, from: number): void {
    const { f, out } = this
    if (from === 0) return this.whole(values, times)
    let i = from
    try {
      for (; i < values.length; i++) {
        const made = f(values[i])
        if (made !== undefined) out.emit(made, times[i])
      }
    } finally {
      this.at = i
    }
  }

  /** Into arrays that need not grow. */
  private whole(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>): void {
    const { f, out } = this
    const made = new Array<unknown>(values.length)
    const at = new Array<number>(values.length)
    let count = 0
    let i = 0
    try {
      for (; i < values.length; i++) {
        const one = f(values[i])
        if (one === undefined) continue
        made[count] = one
        at[count++] = times[i]
      }
    } finally {
      made.length = count
      at.length = count
      out.values = made
      out.times = at
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

export class TapOperator extends ElementOperator {
  private readonly look: (element: unknown) => void

  constructor(context: OperatorContext, look: (element: unknown) => void) {
    super(context)
    this.look = look
  }

  protected run(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>, from: number): void {
    const { look, out } = this
    let i = from
    try {
      for (; i < values.length; i++) {
        look(values[i])
        out.emit(values[i], times[i])
      }
    } finally {
      this.at = i
    }
  }
}

export class SplitOperator extends ElementOperator {
  private readonly matches: (element: unknown) => boolean
  private readonly rest: Collector

  constructor(context: OperatorContext, matches: (element: unknown) => boolean) {
    super(context)
    this.matches = matches
    this.rest = context.side("rest")
  }

  protected run(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>, from: number): void {
    const { matches, out, rest } = this
    let i = from
    try {
      for (; i < values.length; i++) (matches(values[i]) ? out : rest).emit(values[i], times[i])
    } finally {
      this.at = i
    }
  }
}
