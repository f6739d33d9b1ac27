import { assert, describe, it } from "@effect/vitest"
import * as Quantiles from "@shared-nothing/platform/Quantiles"

const wanted = [0, 0.25, 0.5, 0.9, 0.99, 1]
const aggregate = Quantiles.quantiles((n: number) => n, wanted)
/** A long tail, out of order. */
const numbers = Array.from({ length: 20_000 }, (_, i) => 1.0007 ** ((i * 7919) % 20_000) - 2)
const sorted = numbers.toSorted((a, b) => a - b)

const check = ({ values }: Quantiles.Quantiles): void => {
  for (const [i, quantile] of wanted.entries()) {
    const truth = sorted[Math.floor(quantile * (sorted.length - 1))]
    assert.isAtMost(Math.abs(values[i] - truth), 0.0101 * Math.abs(truth), `quantile ${quantile}`)
  }
}

describe("Quantiles", () => {
  it("are within their accuracy, of negative numbers too", () => {
    const result = aggregate.result(numbers.reduce(aggregate.add, aggregate.init()))
    check(result)
    assert.strictEqual(result.count, numbers.length)
    assert.strictEqual(result.min, sorted[0])
    assert.strictEqual(result.max, sorted.at(-1))
  })

  it("merge, and come back from a snapshot, without loss", () => {
    const half = numbers.length / 2
    const left = numbers.slice(0, half).reduce(aggregate.add, aggregate.init())
    const right = numbers.slice(half).reduce(aggregate.add, aggregate.init())
    const saved = structuredClone(aggregate.save!(left))
    const merged = aggregate.merge(aggregate.load!(saved), right)
    check(aggregate.result(merged))
    assert.deepStrictEqual(
      aggregate.result(merged).values,
      aggregate.result(numbers.reduce(aggregate.add, aggregate.init())).values
    )
  })

  it("refuse what has no place among numbers", () => {
    assert.throws(() => aggregate.add(aggregate.init(), NaN), "NaN has no place among the quantiles")
    assert.throws(() => Quantiles.quantiles((n: number) => n, [50]), "quantiles are from 0 to 1")
  })
})
