/**
 * How evenly 100,000 keys of each shape fall on 2 to 64 workers, and how much moves when one joins
 * or leaves.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { moves } from "../../src/partition/Assignment.ts"
import * as Partitioner from "../../src/partition/Partitioner.ts"
import { compile, fullest, keySets, workerIds } from "./keys.ts"

const sizes = [2, 3, 4, 7, 8, 16, 32, 64]

const table = (title: string, columns: ReadonlyArray<number>, rows: Record<string, ReadonlyArray<number>>): void => {
  const line = (name: string, cells: ReadonlyArray<string>) =>
    name.padEnd(16) + cells.map((cell) => cell.padStart(7)).join("")
  console.log(
    [line(title, columns.map(String))]
      .concat(
        Object.entries(rows).map(([name, cells]) =>
          line(
            name,
            cells.map((cell) => cell.toFixed(3))
          )
        )
      )
      .join("\n")
  )
}

const moved = (before: ReadonlyArray<string>, after: ReadonlyArray<string>) =>
  Result.getOrThrow(moves(compile(Partitioner.consistentHash(), before), compile(Partitioner.consistentHash(), after)))

describe("balance: keys of the fullest worker over the mean", () => {
  it.each([
    ["hash", Partitioner.hash(), 1.1],
    ["consistentHash", Partitioner.consistentHash(), 1.25]
  ] as const)("%s", (name, partitioner, limit) => {
    const rows: Record<string, ReadonlyArray<number>> = {}
    for (const [shape, keys] of Object.entries(keySets)) {
      rows[shape] = sizes.map((size) => fullest(compile(partitioner, workerIds(size)), keys))
    }
    table(name, sizes, rows)
    for (const [shape, ratios] of Object.entries(rows)) {
      ratios.forEach((ratio, i) => assert.isAtMost(ratio, limit, `${shape} keys on ${sizes[i]} workers`))
    }
  })
})

describe("movement: consistentHash", () => {
  const groups = 4096

  it("moves little more than the share of the worker that joins, and what it gains comes to it", () => {
    const ratios = sizes.map((size) => {
      const list = moved(workerIds(size), workerIds(size + 1))
      const joined = `tally-${size}`
      assert.isAtMost(list.length / groups, 1 / (size + 1) + 0.1)
      assert.isAtLeast(list.filter((move) => move.to === joined).length / list.length, 0.5)
      assert.isTrue(list.every((move) => move.from !== joined))
      return (list.length / groups) * (size + 1)
    })
    table("joins, × 1/n", sizes, { moved: ratios })
    assert.isTrue(ratios.every((ratio) => ratio <= 1.4))
  })

  it("moves little more than the share of the worker that leaves, whichever it is", () => {
    const ratios = sizes.map((size) => {
      const ids = workerIds(size)
      const all = ids.map((left) => {
        const list = moved(
          ids,
          ids.filter((id) => id !== left)
        )
        assert.isAtMost(list.length / groups, 1 / size + 0.1)
        assert.isTrue(list.every((move) => move.to !== left))
        return (list.length / groups) * size
      })
      return Math.max(...all)
    })
    table("leaves, × 1/n", sizes, { moved: ratios })
    assert.isTrue(ratios.every((ratio) => ratio <= 1.45))
  })

  it("does not depend on the order of the workers", () => {
    const ids = workerIds(16)
    assert.deepStrictEqual(moved(ids, [...ids].reverse()), [])
  })

  it("stays under its load factor", () => {
    for (const loadFactor of [1, 1.05, 1.5]) {
      const assignment = compile(Partitioner.consistentHash({ virtualNodes: 1, loadFactor }), workerIds(32))
      const owned = assignment.workers.map(() => 0)
      for (let group = 0; group < groups; group++) owned[assignment.workerOfGroup(group)]++
      assert.isAtMost(Math.max(...owned), Math.ceil((loadFactor * groups) / 32))
    }
  })
})
