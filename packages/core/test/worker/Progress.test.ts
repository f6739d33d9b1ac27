import { assert, describe, it } from "@effect/vitest"
import { Kind } from "../../src/ring/Frame.ts"
import { Mesh } from "../../src/ring/Mesh.ts"
import { ReceiverPort } from "../../src/ring/ReceiverPort.ts"
import { SenderPort } from "../../src/ring/SenderPort.ts"
import { placeOf, Progress, type Taken } from "../../src/worker/Progress.ts"

const capacity = 32

const open = () => {
  const mesh = Mesh.make({
    senders: 2,
    receivers: 1,
    laneBytes: capacity * 8,
    laneMessages: 0,
    fingerprint: [1, 2],
    awaitSuccessor: true
  })
  const receiver = mesh.reserve("receiver")
  const ports = [0, 1].map(() => SenderPort.attach(mesh, mesh.reserve("sender"), 1))
  const port = ReceiverPort.attach(mesh, receiver, 2)
  const progress = new Progress(port, true)
  const advance = () => port.advance()
  return {
    progress,
    /** Sends messages of these sizes, in bytes. */
    send: (sender: number, ...sizes: ReadonlyArray<number>) => {
      for (const bytes of sizes) {
        assert.isAtLeast(ports[sender].reserve(bytes), 0)
        ports[sender].commit(bytes, Kind.Data)
      }
      ports[sender].publish()
    },
    /** Takes so many messages as a batch does. */
    takeOn: (count: number) => {
      const runs: Array<Taken> = []
      const ends: Array<number> = []
      let last: Taken | undefined
      for (let i = 0; i < count; i++) {
        assert.strictEqual(port.next(), Kind.Data)
        const run = progress.takeOn(last, advance)
        if (run !== last) runs.push(run)
        last = run
        ends.push(run.position)
      }
      return { runs, ends }
    },
    take: () => {
      assert.strictEqual(port.next(), Kind.Data)
      return progress.take(advance)
    },
    acked: (sender: number) => mesh.ackedIn(sender, 0),
    /** Where a successor begins to read. */
    successor: () => {
      mesh.bury(2)
      const again = ReceiverPort.attach(mesh, receiver, 3)
      assert.strictEqual(again.next(), Kind.Data)
      return again.lane.count
    }
  }
}

describe("Progress", () => {
  it("takes messages that follow each other in a lane as one", () => {
    const { acked, progress, send, takeOn } = open()
    send(0, 8, 16, 0)
    send(1, 8, 8)
    const { runs } = takeOn(5)
    assert.deepStrictEqual(
      runs.map((run) => ({ ...placeOf(run), count: run.count })),
      [
        { lane: 0, number: 0, count: 3 },
        { lane: 1, number: 0, count: 2 }
      ]
    )
    assert.strictEqual(progress.outstanding, 2)
    progress.done(runs[1])
    assert.deepStrictEqual([acked(0), acked(1)], [0, 2])
    progress.done(runs[0])
    assert.deepStrictEqual([acked(0), acked(1)], [3, 2])
    assert.strictEqual(progress.outstanding, 0)
  })

  it("begins another run where something else was taken in between", () => {
    const { acked, progress, send, take, takeOn } = open()
    send(0, 8, 8, 8, 8)
    const before = takeOn(2).runs
    const single = take()
    const after = takeOn(1).runs
    for (const run of [...after, ...before]) progress.done(run)
    assert.strictEqual(acked(0), 2)
    progress.done(single)
    assert.strictEqual(acked(0), 4)
  })

  it("tells the number of each message that is done behind one that is not", () => {
    const { progress, send, take, takeOn } = open()
    send(0, 8, 8, 8)
    take()
    const [run] = takeOn(2).runs
    progress.done(run)
    assert.deepStrictEqual(progress.doneIn(0), [1, 2])
  })

  it("takes runs apart, so that each message is acknowledged on its own", () => {
    const { acked, progress, send, successor, takeOn } = open()
    send(1, 8)
    // Past the end of the ring, with a pad before the last.
    send(0, 72, 72, 64)
    for (const run of takeOn(4).runs) progress.done(run)
    send(0, 8, 40, 8)
    send(1, 8, 16)
    const { ends, runs } = takeOn(5)
    const parts = progress.split(runs, ends)
    const [first, second, ...behind] = parts
    assert.deepStrictEqual(
      [first, second].map(placeOf),
      [1, 2].map((number) => ({ lane: 1, number }))
    )
    assert.deepStrictEqual(
      behind.map(placeOf),
      [3, 4, 5].map((number) => ({ lane: 0, number }))
    )
    assert.deepStrictEqual(
      parts.map(({ position }) => position),
      ends
    )
    assert.strictEqual(progress.outstanding, 5)
    progress.done(first)
    progress.done(second)
    progress.done(behind[0])
    progress.done(behind[2])
    assert.deepStrictEqual([acked(0), acked(1)], [4, 3])
    assert.deepStrictEqual(progress.doneIn(0), [5])
    assert.strictEqual(progress.first(0), behind[1])
    assert.strictEqual(successor(), 4)
  })
})
