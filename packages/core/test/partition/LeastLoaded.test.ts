import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { moves } from "../../src/partition/Assignment.ts"
import * as Partitioner from "../../src/partition/Partitioner.ts"
import { compile, fullest, keySets, workerIds } from "./keys.ts"

const keys = keySets["sequential"].slice(0, 2000)

describe("leastLoaded", () => {
  it("gives a new group to the least loaded worker and keeps it there when the loads turn", () => {
    const loads = [5, 1, 9]
    const assignment = Result.getOrThrow(
      Partitioner.leastLoaded().assign(workerIds(3), { load: (worker) => loads[worker] })
    )
    assert.strictEqual(assignment.workerOfGroup(assignment.groupOf("a")), -1)
    assert.strictEqual(assignment.workerOf("a"), 1)
    loads[1] = 100
    assert.strictEqual(assignment.workerOf("a"), 1)
    assert.notStrictEqual(assignment.groupOf("a"), assignment.groupOf("b"))
    assert.strictEqual(assignment.workerOf("b"), 0)
  })

  it("follows a load that its own answers raise", () => {
    const depth = [0, 0, 0, 0]
    const assignment = Result.getOrThrow(
      Partitioner.leastLoaded().assign(workerIds(4), { load: (worker) => depth[worker] })
    )
    for (const key of keys) depth[assignment.workerOf(key)]++
    assert.isAtMost(Math.max(...depth) / (keys.length / 4), 1.1)
  })

  it("breaks ties, and does without a load, by the fewest groups", () => {
    const flat = Result.getOrThrow(Partitioner.leastLoaded().assign(workerIds(8), { load: () => 0 }))
    assert.isAtMost(fullest(flat, keys), 1.1)
    assert.isAtMost(fullest(compile(Partitioner.leastLoaded(), workerIds(8)), keys), 1.1)
  })

  it("takes over from its predecessor: moves only the groups of the worker that left, all of them", () => {
    const before = compile(Partitioner.leastLoaded(), workerIds(4))
    for (const key of keys) before.workerOf(key)
    const after = Result.getOrThrow(
      Partitioner.leastLoaded().assign(["tally-3", "tally-0", "tally-2", "new"], { previous: before })
    )
    const list = Result.getOrThrow(moves(before, after))
    const owned = Array.from({ length: before.groups }, (_, group) => before.workerOfGroup(group))
    assert.isTrue(list.every((move) => move.from === "tally-1"))
    assert.strictEqual(list.length, owned.filter((worker) => worker === 1).length)
    // The newcomer owned nothing, so it takes them until it owns as many as the others.
    assert.isAtLeast(list.filter((move) => move.to === "new").length, list.length - 1)
    for (const key of keys) assert.isAtLeast(after.workerOfGroup(after.groupOf(key)), 0)
  })

  it("spreads the groups of a worker that left over those that stay", () => {
    const before = compile(Partitioner.leastLoaded(), workerIds(4))
    for (const key of keys) before.workerOf(key)
    const after = Result.getOrThrow(
      Partitioner.leastLoaded().assign(workerIds(3), { previous: before, load: (worker) => worker })
    )
    assert.isAtMost(fullest(after, keys), 1.1)
  })

  it("refuses a predecessor with other groups", () => {
    const previous = Result.getOrThrow(Partitioner.hash().assign(["a"], { groups: 16 }))
    const result = Partitioner.leastLoaded().assign(["a"], { previous })
    assert(Result.isFailure(result))
    assert.strictEqual(result.failure.option, "groups")
  })
})
