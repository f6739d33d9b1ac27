import { assert, describe, it } from "@effect/vitest"
import * as Order from "effect/Order"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { PartitionError } from "../../src/errors/Errors.ts"
import { type AssignOptions, moves } from "../../src/partition/Assignment.ts"
import type { HashKey } from "../../src/partition/KeyHash.ts"
import * as Partitioner from "../../src/partition/Partitioner.ts"
import { compile, keySets, tally, workerIds } from "./keys.ts"

const byHash: Record<string, (workers: number) => Partitioner.Keyed<HashKey>> = {
  hash: () => Partitioner.hash(),
  consistentHash: () => Partitioner.consistentHash(),
  weighted: (workers) => Partitioner.weighted(Array.from({ length: workers }, (_, i) => i + 1)),
  leastLoaded: () => Partitioner.leastLoaded()
}

const failsWith = (
  partitioner: Partitioner.Partitioner<never>,
  option: string,
  workers: ReadonlyArray<string> = workerIds(3),
  options: AssignOptions = {}
) => {
  const result = partitioner.assign(workers, options)
  assert(Result.isFailure(result), `${partitioner.name} took a bad ${option}`)
  assert.strictEqual(result.failure._tag, "InvalidConfig")
  assert.strictEqual(result.failure.option, option)
  assert.isAbove(result.failure.allowed.length, 0)
  return result.failure
}

const refusal = (run: () => number): PartitionError => {
  try {
    const worker = run()
    return assert.fail(`got worker ${worker}`)
  } catch (error) {
    assert.instanceOf(error, PartitionError)
    return error
  }
}

const Key = Schema.Union([Schema.String, Schema.Finite, Schema.BigInt])

describe.each(Object.entries(byHash))("%s", (name, make) => {
  it.prop("is total and stable", { key: Key, workers: Schema.Int }, ({ key, workers }) => {
    const size = 1 + (Math.abs(workers) % 64)
    const assignment = compile(make(size), workerIds(size))
    const worker = assignment.workerOf(key)
    assert.isTrue(Number.isInteger(worker) && worker >= 0 && worker < size)
    assert.strictEqual(assignment.workerOf(key), worker)
    assert.strictEqual(assignment.workerOfGroup(assignment.groupOf(key)), worker)
    assert.strictEqual(compile(make(size), workerIds(size)).workerOf(key), worker)
  })

  it("has its name, its workers and 4096 groups", () => {
    const assignment = compile(make(3), workerIds(3))
    assert.strictEqual(assignment.partitioner, name)
    assert.deepStrictEqual(assignment.workers, workerIds(3))
    assert.strictEqual(assignment.groups, 4096)
  })

  it("gives one worker everything", () => {
    const assignment = compile(make(1), ["only"])
    assert.isTrue(keySets["sequential"].every((key) => assignment.workerOf(key) === 0))
  })

  it("refuses a key that is not one, naming it", () => {
    const assignment = compile(make(3), workerIds(3))
    const error = refusal(() => assignment.workerOf(Number.NaN))
    assert.strictEqual(error.partitioner, name)
    assert.isNaN(error.key)
    // What arrives from outside the types must not pile up on one worker in silence.
    const untyped: Array<never> = JSON.parse(`[null, {}, true]`)
    for (const key of untyped) assert.deepStrictEqual(refusal(() => assignment.workerOf(key)).key, key)
  })

  it("refuses a set of workers that is none, and groups that do not fit", () => {
    failsWith(make(0), "workers", [])
    failsWith(make(2), "workers", ["a", "a"])
    failsWith(make(3), "groups", workerIds(3), { groups: 100 })
    failsWith(make(3), "groups", workerIds(3), { groups: 2 })
  })

  it("keeps to the groups it is given", () => {
    const assignment = Result.getOrThrow(make(3).assign(workerIds(3), { groups: 16 }))
    assert.strictEqual(assignment.groups, 16)
    assert.isTrue(keySets["uuid"].slice(0, 1000).every((key) => assignment.groupOf(key) < 16))
  })
})

describe("moves", () => {
  it("lists exactly the groups whose owner differs, by id", () => {
    const before = compile(Partitioner.hash(), ["a", "b"])
    const after = compile(Partitioner.consistentHash(), ["b", "c", "a"])
    const list = Result.getOrThrow(moves(before, after))
    const moved = new Map(list.map((move) => [move.group, move]))
    assert.strictEqual(moved.size, list.length)
    for (let group = 0; group < before.groups; group++) {
      const from = before.workers[before.workerOfGroup(group)]
      const to = after.workers[after.workerOfGroup(group)]
      assert.deepStrictEqual(moved.get(group), from === to ? undefined : { group, from, to })
    }
  })

  it("is empty for the same workers", () => {
    for (const make of Object.values(byHash)) {
      assert.deepStrictEqual(
        Result.getOrThrow(moves(compile(make(5), workerIds(5)), compile(make(5), workerIds(5)))),
        []
      )
    }
  })

  it("fails where keys fall into different groups", () => {
    const hash = compile(Partitioner.hash(), ["a"])
    const fewer = Result.getOrThrow(Partitioner.hash().assign(["a"], { groups: 16 }))
    const split = { order: Order.String, boundaries: ["m"] }
    const range = Result.getOrThrow(Partitioner.range(split).assign(["a"]))
    const twin = Result.getOrThrow(Partitioner.range(split).assign(["a"]))
    assert.isTrue(Result.isFailure(moves(hash, fewer)))
    assert.isTrue(Result.isFailure(moves(hash, range)))
    assert.isTrue(Result.isFailure(moves(range, twin)))
  })
})

describe("consistentHash", () => {
  it("refuses bad options", () => {
    for (const virtualNodes of [0, -1, 1.5, Number.NaN, 10_001]) {
      assert.deepStrictEqual(
        failsWith(Partitioner.consistentHash({ virtualNodes }), "virtualNodes").value,
        virtualNodes
      )
    }
    for (const loadFactor of [0.99, Number.NaN]) failsWith(Partitioner.consistentHash({ loadFactor }), "loadFactor")
  })

  // Every sender and every version must agree on who owns what.
  it("places groups as ever", () => {
    const assignment = compile(Partitioner.consistentHash(), ["a", "b", "c"])
    assert.deepStrictEqual(
      Array.from({ length: 24 }, (_, group) => assignment.workers[assignment.workerOfGroup(group)]).join(""),
      "acacabbbbcbaacbbbbaaccbc"
    )
  })
})

describe("weighted", () => {
  const keys = keySets["uuid"]

  it.each([[[1, 1, 2]], [[1, 2, 3, 4]], [[10, 1, 1, 1, 1]], [[0.5, 0.25, 0.25]]])(
    "gives %s in proportion, within 5 percent",
    (weights) => {
      const total = weights.reduce((sum, weight) => sum + weight, 0)
      const counts = tally(compile(Partitioner.weighted(weights), workerIds(weights.length)), keys)
      weights.forEach((weight, i) => {
        assert.closeTo((counts[i] / keys.length) * (total / weight), 1, 0.05, `worker ${i}`)
      })
    }
  )

  it.prop("gives each within one group of its share", { raw: Schema.Array(Schema.Int) }, ({ raw }) => {
    const weights = [1, ...raw.map((weight) => Math.abs(weight))].slice(0, 100)
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    const assignment = compile(Partitioner.weighted(weights), workerIds(weights.length))
    const owned = weights.map(() => 0)
    for (let group = 0; group < assignment.groups; group++) owned[assignment.workerOfGroup(group)]++
    weights.forEach((weight, i) => assert.closeTo(owned[i], (weight / total) * assignment.groups, 1 + 1e-6))
  })

  it("takes weights by id, whatever the order of the workers", () => {
    const partitioner = Partitioner.weighted({ small: 1, large: 3 })
    const one = compile(partitioner, ["small", "large"])
    const other = compile(partitioner, ["large", "small"])
    assert.deepStrictEqual(Result.getOrThrow(moves(one, other)), [])
  })

  it("gives a worker of weight 0 nothing", () => {
    assert.strictEqual(tally(compile(Partitioner.weighted([1, 0, 1]), workerIds(3)), keys)[1], 0)
  })

  it("moves about the difference when a weight changes", () => {
    const before = compile(Partitioner.weighted([1, 1, 1, 1]), workerIds(4))
    const after = compile(Partitioner.weighted([1, 1, 1, 2]), workerIds(4))
    const moved = Result.getOrThrow(moves(before, after)).length / before.groups
    // The last goes from 1/4 to 2/5: at least 0.15 must move.
    assert.isTrue(moved >= 0.149 && moved <= 0.225, `moved ${moved}`)
  })

  it("refuses bad weights", () => {
    for (const weights of [
      [1, 1],
      [1, 1, 1, 1],
      [1, -1, 1],
      [1, Number.NaN, 1],
      [0, 0, 0],
      [1, Infinity, 1]
    ]) {
      assert.deepStrictEqual(failsWith(Partitioner.weighted(weights), "weights").value, weights)
    }
    failsWith(Partitioner.weighted({ "tally-0": 1 }), "weights")
    failsWith(Partitioner.weighted({ toString: 1 }), "weights", ["valueOf"])
  })
})

describe("roundRobin", () => {
  it("takes turns whatever the key, each assignment its own", () => {
    const partitioner = Partitioner.roundRobin()
    const one = Result.getOrThrow(partitioner.assign(workerIds(3)))
    const other = Result.getOrThrow(partitioner.assign(workerIds(3)))
    assert.deepStrictEqual(
      Array.from({ length: 7 }, () => one.workerOf("same")),
      [0, 1, 2, 0, 1, 2, 0]
    )
    assert.strictEqual(other.workerOf(undefined), 0)
    assert.isFalse(one.keyed)
    assert.isFalse(partitioner.keyed)
    failsWith(partitioner, "workers", [])
  })
})

describe("custom", () => {
  const place = (answer: (key: string, workers: ReadonlyArray<string>) => number) =>
    Result.getOrThrow(Partitioner.custom("mine", answer).assign(workerIds(3)))

  it("answers as its function does", () => {
    const assignment = place((key, workers) => key.length % workers.length)
    assert.deepStrictEqual(["", "a", "ab", "abc"].map(assignment.workerOf), [0, 1, 2, 0])
    assert.isFalse(assignment.keyed)
  })

  it.each([-1, 3, 0.5, Number.NaN, Infinity])("turns the answer %s into a PartitionError", (answer) => {
    const error = refusal(() => place(() => answer).workerOf("k"))
    assert.strictEqual(error.partitioner, "mine")
    assert.strictEqual(error.key, "k")
    assert.include(error.message, String(answer))
  })

  it("turns a throw into a PartitionError with its cause", () => {
    const cause = new Error("no such key")
    const error = refusal(() =>
      place(() => {
        throw cause
      }).workerOf("k")
    )
    assert.strictEqual(error.cause, cause)
  })
})
