/**
 * Quantiles of a stream as an aggregate: DDSketch (Masson, Rim and Lee, VLDB 2019), as `@datadog/sketches-js`
 * implements it. It is an optional dependency: install it to use this module.
 *
 * Why that one: its error is relative to the value (the median of latencies is as good as their 99.9th
 * percentile), sketches merge without loss, as sessions and partial windows need, and its memory
 * is bounded; it has no dependencies, is licensed Apache-2.0, and Datadog's own tracer runs on it. A
 * t-digest bounds the error of the rank instead, which says little about the value in a long tail,
 * and merging t-digests adds error; `tdigest` of npm brings a tree library besides.
 *
 * @since 0.1.0
 */
import { createRequire } from "node:module"
import type * as Sketches from "@datadog/sketches-js"
import * as Aggregate from "@shared-nothing/core/Aggregate"

/**
 * What gathers the numbers.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sketch {
  readonly count: number
}

// Loaded by the first who wants quantiles: whoever does not need not have it.
const load = () => createRequire(import.meta.url)("@datadog/sketches-js") as typeof Sketches

/**
 * @category models
 * @since 0.1.0
 */
export interface Quantiles {
  readonly count: number
  readonly min: number
  readonly max: number
  readonly sum: number
  /** In the order of the quantiles that were asked for; `NaN` of no elements. */
  readonly values: ReadonlyArray<number>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface QuantileOptions {
  /** How far a value may be from the true one, as a share of it; 0.01 if absent. */
  readonly relativeAccuracy?: number | undefined
  /** Most bins; the lowest values share a bin beyond that. 2048 if absent: 80 KiB at most. */
  readonly binLimit?: number | undefined
}

interface SavedSketch {
  readonly store: object
  readonly negativeStore: object
  readonly zeroCount: number
  readonly min: number
  readonly max: number
  readonly count: number
  readonly sum: number
}

/**
 * Quantiles (0.5 is the median) of a number of each element. `NaN` is no number: it is refused with a
 * `RangeError`, as are infinities.
 *
 * @category constructors
 * @since 0.1.0
 */
export const quantiles = <A>(
  of: (element: A) => number,
  wanted: ReadonlyArray<number>,
  { binLimit = 2048, relativeAccuracy = 0.01 }: QuantileOptions = {}
): Aggregate.Aggregate<A, Sketch, Quantiles> => {
  if (!wanted.every((quantile) => quantile >= 0 && quantile <= 1)) {
    throw new RangeError(`quantiles are from 0 to 1, and not ${wanted.join(", ")}`)
  }
  if (!(relativeAccuracy > 0 && relativeAccuracy < 1)) {
    throw new RangeError(`relativeAccuracy is between 0 and 1, and not ${relativeAccuracy}`)
  }
  const { LogCollapsingLowestDenseDDSketch } = load()
  const init = () => new LogCollapsingLowestDenseDDSketch({ relativeAccuracy, binLimit })
  const aggregate: Aggregate.Aggregate<A, Sketches.LogCollapsingLowestDenseDDSketch, Quantiles> = Aggregate.make({
    init,
    add: (sketch, element) => {
      const value = of(element)
      if (!Number.isFinite(value)) throw new RangeError(`${value} has no place among the quantiles`)
      sketch.accept(value)
      return sketch
    },
    merge: (left, right) => {
      // Version 2.1.1 forgets the negative numbers of the second, unless the first is empty and it copies.
      if (left.count > 0) left.negativeStore.merge(right.negativeStore)
      left.merge(right)
      return left
    },
    result: (sketch) => ({
      count: sketch.count,
      min: sketch.min,
      max: sketch.max,
      sum: sketch.sum,
      values: wanted.map((quantile) => sketch.getValueAtQuantile(quantile))
    }),
    save: ({ count, max, min, negativeStore, store, sum, zeroCount }): SavedSketch => ({
      store: { ...store },
      negativeStore: { ...negativeStore },
      zeroCount,
      min,
      max,
      count,
      sum
    }),
    load: (saved) => {
      const { negativeStore, store, ...rest } = saved as SavedSketch
      const sketch = Object.assign(init(), rest)
      Object.assign(sketch.store, store)
      Object.assign(sketch.negativeStore, negativeStore)
      return sketch
    }
  })
  // Whose types need not be known to whoever uses it.
  return aggregate as unknown as Aggregate.Aggregate<A, Sketch, Quantiles>
}
