import { assert, describe, it } from "@effect/vitest"
import * as Order from "effect/Order"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { PartitionError } from "../../src/errors/Errors.ts"
import { moves } from "../../src/partition/Assignment.ts"
import * as Partitioner from "../../src/partition/Partitioner.ts"
import * as Range from "../../src/partition/Range.ts"
import { workerIds } from "./keys.ts"

const assign = <K>(options: Range.RangeOptions<K>, workers: number) =>
  Result.getOrThrow(Partitioner.range(options).assign(workerIds(workers)))

const day = (n: number) => new Date(Date.UTC(2001, 0, n))

describe("range", () => {
  it("puts a key equal to a boundary on its right", () => {
    const range = assign({ order: Order.String, boundaries: ["g", "p"] }, 3)
    assert.deepStrictEqual(
      ["", "f", "fz", "g", "ga", "o", "p", "z"].map((key) => range.workerOf(key)),
      [0, 0, 0, 1, 1, 1, 2, 2]
    )
  })

  it("orders numbers, bigints, dates, and whatever has an order", () => {
    const numbers = assign({ order: Order.Number, boundaries: [-1, 10] }, 3)
    assert.deepStrictEqual(
      [-Infinity, -2, -1, 9, 10, Infinity].map((key) => numbers.workerOf(key)),
      [0, 0, 1, 1, 2, 2]
    )
    const bigints = assign({ order: Order.BigInt, boundaries: [10n ** 30n] }, 2)
    assert.deepStrictEqual(
      [0n, 10n ** 30n].map((key) => bigints.workerOf(key)),
      [0, 1]
    )
    const dates = assign({ order: Order.Date, boundaries: [day(2), day(3)] }, 3)
    assert.deepStrictEqual(
      [day(1), day(2), day(2.5), day(3)].map((key) => dates.workerOf(key)),
      [0, 1, 1, 2]
    )
    const falling = assign({ order: Order.flip(Order.Number), boundaries: [10, 5] }, 3)
    assert.deepStrictEqual(
      [11, 10, 6, 5, 0].map((key) => falling.workerOf(key)),
      [0, 1, 1, 2, 2]
    )
  })

  it.prop(
    "is total, and ascends with the key",
    { a: Schema.Finite, b: Schema.Finite, boundaries: Schema.Array(Schema.Finite) },
    ({ a, b, boundaries }) => {
      const ascending = [...new Set(boundaries.map((boundary) => boundary + 0))].sort((x, y) => x - y)
      const range = assign({ order: Order.Number, boundaries: ascending }, ascending.length + 1)
      assert.strictEqual(range.workerOf(a), ascending.filter((boundary) => boundary <= a).length)
      assert.isTrue(a <= b === range.workerOf(a) <= range.workerOf(b) || range.workerOf(a) === range.workerOf(b))
    }
  )

  it("has no place outside closed ends, nor for what cannot be compared", () => {
    const closed = assign({ order: Order.Number, boundaries: [0, 10, 20], ends: "closed" }, 2)
    assert.deepStrictEqual(
      [0, 9.9, 10, 19.9].map((key) => closed.workerOf(key)),
      [0, 0, 1, 1]
    )
    for (const key of [-0.1, 20, Number.NaN]) {
      assert.throws(() => closed.workerOf(key), PartitionError, `no place for key ${key}`)
    }
    const dates = assign({ order: Order.Date, boundaries: [] }, 1)
    assert.throws(() => dates.workerOf(new Date(Number.NaN)), PartitionError)
  })

  it("gives neighbouring ranges to a worker, and moves whole ranges", () => {
    const partitioner = Partitioner.range({ order: Order.Number, boundaries: [1, 2, 3, 4, 5, 6, 7] })
    const two = Result.getOrThrow(partitioner.assign(["a", "b"]))
    const four = Result.getOrThrow(partitioner.assign(["a", "b", "c", "d"]))
    assert.deepStrictEqual([0, 1, 2, 3, 4, 5, 6, 7].map((key) => four.workers[four.workerOf(key)]).join(""), "aabbccdd")
    assert.deepStrictEqual(Result.getOrThrow(moves(two, four)), [
      { group: 2, from: "a", to: "b" },
      { group: 3, from: "a", to: "b" },
      { group: 4, from: "b", to: "c" },
      { group: 5, from: "b", to: "c" },
      { group: 6, from: "b", to: "d" },
      { group: 7, from: "b", to: "d" }
    ])
  })

  it("does not follow the array it was made from", () => {
    const boundaries = [10]
    const partitioner = Partitioner.range({ order: Order.Number, boundaries })
    boundaries[0] = 0
    assert.strictEqual(Result.getOrThrow(partitioner.assign(["a", "b"])).workerOf(5), 0)
  })

  it.each<[Range.RangeOptions<number>, number]>([
    [{ order: Order.Number, boundaries: [2, 1] }, 2],
    [{ order: Order.Number, boundaries: [1, 1] }, 2],
    [{ order: Order.Number, boundaries: [Number.NaN] }, 2],
    [{ order: Order.Number, boundaries: [1], ends: "closed" }, 1],
    [{ order: Order.Number, boundaries: [1] }, 3]
  ])("refuses %o for %s workers", (options, workers) => {
    const result = Partitioner.range(options).assign(workerIds(workers))
    assert(Result.isFailure(result))
    assert.strictEqual(result.failure.option, "boundaries")
    assert.deepStrictEqual(result.failure.value, options.boundaries)
  })
})

describe("Range.fromSample", () => {
  const sample = <K>(order: Order.Order<K>, keys: ReadonlyArray<K>, ranges: number) =>
    Range.fromSample<K>({ order, keys, ranges })

  it("cuts a sample into equal parts, whatever its order", () => {
    const keys = Array.from({ length: 1000 }, (_, i) => (i * 7919) % 1000)
    assert.deepStrictEqual(Result.getOrThrow(sample(Order.Number, keys, 4)), [250, 500, 750])
    assert.deepStrictEqual(Result.getOrThrow(sample(Order.Number, keys, 1)), [])
  })

  it("gives a key that is more than a range's share a range of its own", () => {
    const keys = [...Array.from({ length: 100 }, () => 5), 1, 2, 6, 7]
    assert.deepStrictEqual(Result.getOrThrow(sample(Order.Number, keys, 3)), [5, 6])
  })

  it.prop(
    "makes as many ranges as asked, none without a key of the sample",
    { keys: Schema.Array(Schema.Number), ranges: Schema.Int },
    ({ keys, ranges }) => {
      const placeable = keys.filter((key) => !Number.isNaN(key))
      const distinct = new Set(placeable.map((key) => key + 0)).size
      if (distinct === 0) return
      const wanted = 1 + (Math.abs(ranges) % distinct)
      const boundaries = Result.getOrThrow(sample(Order.Number, keys, wanted))
      const range = assign({ order: Order.Number, boundaries }, wanted)
      assert.strictEqual(new Set(placeable.map((key) => range.workerOf(key))).size, wanted)
    }
  )

  it("fails where the sample has too few keys, or the number is none", () => {
    for (const ranges of [3, 0, 1.5, Number.NaN]) {
      const result = sample(Order.String, ["a", "b", "b"], ranges)
      assert(Result.isFailure(result))
      assert.strictEqual(result.failure.option, "ranges")
    }
  })
})
