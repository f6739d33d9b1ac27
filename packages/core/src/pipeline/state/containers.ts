/**
 * A value, a list and an aggregate that know how old they are.
 *
 * @since 0.1.0
 */
import type { Aggregate } from "../Aggregate.ts"

/**
 * The time that age is measured by, in milliseconds: that of the call that is under way.
 *
 * @category models
 * @since 0.1.0
 */
export interface Moment {
  time: number
}

/**
 * What every container can do for a snapshot.
 *
 * @category models
 * @since 0.1.0
 */
export interface Container {
  /** What it holds, as plain data. */
  save(): unknown
  load(saved: never): void
}

interface Aged<A> {
  readonly value: A
  readonly at: number
}

/**
 * One value, or none.
 *
 * @category models
 * @since 0.1.0
 */
export class ValueState<in out A> implements Container {
  private held: Aged<A> | undefined
  private readonly moment: Moment
  private readonly ttl: number
  private readonly onEvict: (value: A) => void

  constructor(moment: Moment, ttl: number, onEvict: (value: A) => void) {
    this.moment = moment
    this.ttl = ttl
    this.onEvict = onEvict
  }

  get(): A | undefined {
    const { held } = this
    if (held === undefined || this.moment.time - held.at < this.ttl) return held?.value
    this.held = undefined
    this.onEvict(held.value)
    return undefined
  }

  set(value: A): void {
    // What is too old goes the way of what is too old, also if nobody asked for it.
    if (this.ttl < Infinity) this.get()
    this.held = { value, at: this.moment.time }
  }

  clear(): void {
    this.held = undefined
  }

  save(): unknown {
    return this.held
  }

  load(saved: Aged<A> | undefined): void {
    this.held = saved
  }
}

/**
 * Values in the order they came. The oldest goes when there are too many, and each when it is too old.
 *
 * @category models
 * @since 0.1.0
 */
export class ListState<in out A> implements Container {
  private held: Array<A> = []
  private times: Array<number> = []
  private readonly moment: Moment
  private readonly ttl: number
  private readonly max: number
  private readonly onEvict: (value: A) => void

  constructor(moment: Moment, ttl: number, max: number, onEvict: (value: A) => void) {
    this.moment = moment
    this.ttl = ttl
    this.max = max
    this.onEvict = onEvict
  }

  add(value: A): void {
    this.drop()
    this.held.push(value)
    // Elements may come out of order; what is behind another is not older than it.
    if (this.ttl < Infinity) this.times.push(Math.max(this.moment.time, this.times.at(-1) ?? -Infinity))
    if (this.held.length > this.max) this.evict(1)
  }

  /** What it holds now; not to be changed, and good until the next call. */
  values(): ReadonlyArray<A> {
    this.drop()
    return this.held
  }

  get size(): number {
    return this.values().length
  }

  clear(): void {
    this.held = []
    this.times = []
  }

  private drop(): void {
    if (this.ttl === Infinity) return
    const oldest = this.moment.time - this.ttl
    let count = 0
    while (count < this.times.length && this.times[count] <= oldest) count++
    if (count > 0) this.evict(count)
  }

  private evict(count: number): void {
    const gone = this.held.splice(0, count)
    this.times.splice(0, count)
    for (const value of gone) this.onEvict(value)
  }

  save(): unknown {
    return [this.held, this.times]
  }

  load([held, times]: readonly [Array<A>, Array<number>]): void {
    this.held = held
    this.times = times
  }
}

/**
 * An aggregate of what was added.
 *
 * @category models
 * @since 0.1.0
 */
export class AggregateState<in A, in out Acc, in out Out> implements Container {
  private acc: Acc
  private at = -Infinity
  private readonly moment: Moment
  private readonly how: Aggregate<A, Acc, Out>
  private readonly ttl: number
  private readonly onEvict: (result: Out) => void

  constructor(moment: Moment, how: Aggregate<A, Acc, Out>, ttl: number, onEvict: (result: Out) => void) {
    this.moment = moment
    this.how = how
    this.ttl = ttl
    this.onEvict = onEvict
    this.acc = how.init()
  }

  add(element: A): void {
    this.drop()
    this.acc = this.how.add(this.acc, element)
    this.at = Math.max(this.at, this.moment.time)
  }

  /** The result so far; that of nothing, if nothing was added or it is too old. */
  get(): Out {
    this.drop()
    return this.how.result(this.acc)
  }

  clear(): void {
    this.acc = this.how.init()
    this.at = -Infinity
  }

  private drop(): void {
    if (this.at === -Infinity || this.moment.time - this.at < this.ttl) return
    const result = this.how.result(this.acc)
    this.clear()
    this.onEvict(result)
  }

  save(): unknown {
    return [this.how.save === undefined ? this.acc : this.how.save(this.acc), this.at]
  }

  load([acc, at]: readonly [unknown, number]): void {
    // Whatever it is, `save` of the same aggregate gave it.
    this.acc = this.how.load === undefined ? (acc as Acc) : this.how.load(acc)
    this.at = at
  }
}
