/**
 * Stages that change how elements flow, and not what they are.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as KeyHash from "../../partition/KeyHash.ts"
import { noTime, type Operator, type OperatorContext, type Work } from "../Operator.ts"
import { type Entries, Store, type StoreOptions } from "../Store.ts"
import { ElementOperator } from "./elements.ts"

/** Arrays of elements, by count and by processing time. An array has the time of its latest element. */
export class GroupOperator implements Operator {
  due = Infinity
  private readonly context: OperatorContext
  private readonly count: number
  private readonly within: number
  private group: Array<unknown> = []
  private earliest = Infinity
  private latest = noTime
  private reached = -Infinity

  constructor(context: OperatorContext, count: number, within: number) {
    this.context = context
    this.count = count
    this.within = within
  }

  onBatch(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>): Work {
    for (let i = 0; i < values.length; i++) {
      if (this.group.length === 0) this.due = this.context.now() + this.within
      this.group.push(values[i])
      this.earliest = Math.min(this.earliest, times[i])
      this.latest = Math.max(this.latest, times[i])
      if (this.group.length === this.count) this.emit()
    }
    return undefined
  }

  private emit(): void {
    this.due = Infinity
    if (this.group.length > 0) this.context.out.emit(this.group, this.latest)
    this.group = []
    this.earliest = Infinity
    this.latest = noTime
    this.context.out.watermark = Math.max(this.context.out.watermark, this.reached)
  }

  onClock(): Work {
    this.emit()
    return undefined
  }

  snapshot(): unknown {
    const { due, earliest, group, latest, reached } = this
    return { due, earliest, group, latest, reached }
  }

  restore(state: {
    readonly due: number
    readonly earliest: number
    readonly group: Array<unknown>
    readonly latest: number
    readonly reached: number
  }): void {
    this.due = state.due
    this.earliest = state.earliest
    this.group = state.group
    this.latest = state.latest
    this.reached = state.reached
  }

  /** Event time waits for the elements that are held here. */
  onWatermark(time: number): Work {
    this.reached = time
    const { out } = this.context
    if (time === Infinity) this.emit()
    else if (Math.min(time, this.earliest - 1) > out.watermark) out.watermark = Math.min(time, this.earliest - 1)
    return undefined
  }
}

/** No more than so many elements a second and subtask, by holding batches back, which are small: see `Flow.rateLimit`. */
export class RateOperator implements Operator {
  private readonly context: OperatorContext
  private readonly interval: number
  private next = -Infinity

  constructor(context: OperatorContext, perSecond: number) {
    this.context = context
    this.interval = 1000 / perSecond
  }

  onBatch(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>): Work {
    const { context } = this
    const now = context.now()
    const begin = Math.max(now, this.next)
    this.next = begin + values.length * this.interval
    const emit = () => {
      for (let i = 0; i < values.length; i++) context.out.emit(values[i], times[i])
    }
    if (begin > now) return Effect.map(context.sleep(begin - now), emit)
    emit()
    return undefined
  }

  snapshot(): unknown {
    return this.next
  }

  restore(next: number): void {
    this.next = next
  }

  onWatermark(time: number): Work {
    this.context.out.watermark = time
    return undefined
  }
}

/** The first element of each key. */
export class DedupeOperator implements Operator {
  private readonly context: OperatorContext
  private readonly keyOf: (element: unknown) => KeyHash.HashKey
  private readonly seen: Store<KeyHash.HashKey, true>

  constructor(context: OperatorContext, options: StoreOptions<KeyHash.HashKey, true>) {
    this.context = context
    this.keyOf = context.keyOf(0)
    this.seen = new Store(options)
  }

  onBatch(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>): Work {
    const { context, keyOf, seen } = this
    for (let i = 0; i < values.length; i++) {
      const value = values[i]
      try {
        const key = keyOf(value)
        const age = times[i] === noTime ? context.now() : times[i]
        const known = seen.get(key, age) !== undefined
        // Only the first counts as use, so that a key which keeps coming is let through once a `ttl`.
        if (known) continue
        seen.set(key, true, age)
        context.out.emit(value, times[i])
      } catch (cause) {
        context.faults.handle("element", cause, value, times[i])
      }
    }
    return undefined
  }

  snapshot(): unknown {
    return this.seen.snapshot()
  }

  restore(saved: Entries<KeyHash.HashKey, true>): void {
    this.seen.restore(saved)
  }

  onWatermark(time: number): Work {
    if (time < Infinity) this.seen.expire(time)
    this.context.out.watermark = time
    return undefined
  }
}

/** A share of the keys, the same whatever the parallelism: by the hash of the key. */
export class SampleOperator extends ElementOperator {
  private readonly limit: number
  private readonly keyOf: (element: unknown) => KeyHash.HashKey

  constructor(context: OperatorContext, fraction: number, keyOf: (element: unknown) => KeyHash.HashKey) {
    super(context)
    this.limit = fraction * 2 ** 32
    this.keyOf = keyOf
  }

  protected run(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>, from: number): void {
    let i = from
    try {
      for (; i < values.length; i++) {
        if (KeyHash.of(this.keyOf(values[i])) >>> 0 < this.limit) this.out.emit(values[i], times[i])
      }
    } finally {
      this.at = i
    }
  }
}
