import { assert, describe, it } from "@effect/vitest"
import { RingFault } from "../../src/ring/RingFault.ts"
import { held, RoutingTable } from "../../src/ring/RoutingTable.ts"

const everybody = () => true

describe("RoutingTable", () => {
  it("is found as it was made, and nothing else is taken for one", () => {
    const made = RoutingTable.make(8, 2)
    made.change([
      [3, 1],
      [4, held]
    ])
    const opened = RoutingTable.open(made.buffer)
    assert.deepStrictEqual([opened.groups, opened.senders, opened.workerOf(3), opened.workerOf(4)], [8, 2, 1, held])
    for (const bytes of [0, 8, 128, made.buffer.byteLength]) {
      assert.throws(() => RoutingTable.open(new SharedArrayBuffer(bytes)), RingFault)
    }
    for (const word of [0, 1, 2]) {
      const { buffer } = RoutingTable.make(8, 2)
      new Int32Array(buffer)[word] += 1
      assert.throws(() => RoutingTable.open(buffer), RingFault, undefined, `word ${word}`)
    }
  })

  it("is settled once nobody who is there routes by an older version", () => {
    const table = RoutingTable.make(1, 2)
    table.enter(0)
    const version = table.change([[0, 1]])
    assert.isFalse(table.settled(version, everybody))
    assert.isTrue(table.settled(version, (sender) => sender !== 0))
    table.enter(1)
    assert.isFalse(table.settled(version, everybody))
    table.leave(0)
    assert.isTrue(table.settled(version, everybody))
  })
})
