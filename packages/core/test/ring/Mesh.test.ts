import { assert, describe, it } from "@effect/vitest"
import {
  Endpoint,
  EndpointState,
  Header,
  LaneControl,
  laneControlIndex,
  ownerOf,
  stateOf
} from "../../src/ring/layout.ts"
import { Mesh } from "../../src/ring/Mesh.ts"
import { ReceiverPort } from "../../src/ring/ReceiverPort.ts"
import { RingFault } from "../../src/ring/RingFault.ts"
import { SenderPort } from "../../src/ring/SenderPort.ts"

const make = (senders: number, receivers: number) =>
  Mesh.make({ senders, receivers, laneBytes: 8192, laneMessages: 0, fingerprint: [3, 4], awaitSuccessor: true })

describe("Mesh.open", () => {
  it("finds what was made", () => {
    const made = make(3, 2)
    const opened = Mesh.open(made.memory.buffer)
    assert.deepStrictEqual(
      [opened.senders, opened.receivers, opened.laneBytes, opened.fingerprint, opened.awaitSuccessor],
      [3, 2, 8192, [3, 4], true]
    )
  })

  it("refuses memory that is no mesh, and every header that does not fit it", () => {
    for (const bytes of [0, 8, 255, 256, 4096]) {
      assert.throws(() => Mesh.open(new SharedArrayBuffer(bytes)), RingFault)
    }
    const described = [Header.magic, Header.version, Header.senders, Header.receivers, Header.laneBytes]
    for (const word of described) {
      for (const value of [0, -1, 1, 2, 3, 5, 64, 100, 2 ** 30, -(2 ** 31), 0x7fffffff]) {
        const { i32, buffer } = make(3, 2).memory
        if (i32[word] === value) continue
        i32[word] = value
        assert.throws(() => Mesh.open(buffer), RingFault, undefined, `word ${word} = ${value}`)
      }
    }
  })
})

describe("a mesh of more bytes than an offset can name", () => {
  const refusal = (attempt: () => unknown): RingFault => {
    try {
      attempt()
    } catch (fault) {
      if (fault instanceof RingFault) return fault
    }
    return assert.fail("no fault")
  }

  it("is not made, before memory is asked for", () => {
    const options = { senders: 4, receivers: 2, laneBytes: 2 ** 28, laneMessages: 0, fingerprint: [0, 0] } as const
    const allocate = () => assert.fail("asked for memory")
    const fault = refusal(() => Mesh.make({ ...options, awaitSuccessor: false }, allocate))
    assert.strictEqual(fault.reason, "layout")
    assert.include(fault.message, `at most ${2 ** 31 - 1}`)
  })

  it("is not opened", () => {
    const buffer = new SharedArrayBuffer(2 ** 31)
    new Int32Array(buffer, 0, 64).set(make(1, 1).memory.i32.subarray(0, 64))
    const fault = refusal(() => Mesh.open(buffer))
    assert.strictEqual(fault.reason, "layout")
    assert.include(fault.message, `at most ${2 ** 31 - 1}`)
  })
})

describe("ports", () => {
  const send = (port: SenderPort, value: number) => {
    const at = port.reserve(8)
    assert.isAtLeast(at, 0)
    port.mesh.memory.i32[at >>> 2] = value
    port.commit(8, 2)
    port.publish()
  }

  it("that cannot read their cursors leave the place to the next", () => {
    const mesh = make(1, 1)
    const { i32 } = mesh.memory
    const acked = laneControlIndex(1, 1, 0) + LaneControl.acked
    mesh.reserve("sender")
    i32[acked] = 1 << 30
    assert.throws(() => SenderPort.attach(mesh, 0, 1), RingFault, /units/)
    i32[acked] = 0
    assert.strictEqual(SenderPort.attach(mesh, 0, 2).slot, 0)
    // A receiver checks nothing when it attaches; whatever keeps it from its lanes counts.
    mesh.reserve("receiver")
    const { consumer } = mesh
    mesh.consumer = () => {
      throw new RingFault("corrupt", "no lane today")
    }
    assert.throws(() => ReceiverPort.attach(mesh, 0, 3), RingFault, /no lane today/)
    mesh.consumer = consumer
    assert.strictEqual(ReceiverPort.attach(mesh, 0, 4).slot, 0)
  })

  it("refuse an endpoint that is free, taken or closed", () => {
    const mesh = make(1, 1)
    assert.throws(() => SenderPort.attach(mesh, 0, 1), RingFault, "never reserved")
    mesh.reserve("sender")
    const port = SenderPort.attach(mesh, 0, 1)
    assert.throws(() => SenderPort.attach(mesh, 0, 2), RingFault, "already attached by thread 1")
    port.close()
    assert.throws(() => SenderPort.attach(mesh, 0, 2), RingFault, "already closed")
    assert.strictEqual(mesh.reserve("sender"), -1)
  })

  it("tell how many messages their consumer has in its hands, whatever the sizes and the wraps", () => {
    const mesh = make(1, 1)
    for (const role of ["sender", "receiver"] as const) mesh.reserve(role)
    const [port, receiver] = [SenderPort.attach(mesh, 0, 1), ReceiverPort.attach(mesh, 0, 2)]
    let [produced, taken, acked, seed] = [0, 0, 0, 1]
    const below = (limit: number) => (seed = (seed * 48_271) % 2_147_483_647) % limit
    for (let round = 0; round < 3000; round++) {
      for (let sent = below(8); sent > 0; sent--) {
        const bytes = below(900)
        if (port.reserve(bytes) < 0) break
        port.commit(bytes, 2)
        produced += 1
      }
      port.publish()
      for (let due = below(8); due > 0 && receiver.next() !== 0; due--) {
        receiver.advance()
        taken += 1
      }
      receiver.publishRead()
      if (below(2) === 0) {
        receiver.ack()
        acked = taken
      }
      assert.deepStrictEqual(
        [mesh.producedIn(0, 0), mesh.handedIn(0, 0), mesh.ackedIn(0, 0)],
        [produced, taken, acked],
        `round ${round}`
      )
    }
    assert.isAbove(acked, 1000)
  })

  it("give every lane its turn after 256 messages", () => {
    const mesh = make(2, 1)
    for (const role of ["sender", "sender", "receiver"] as const) mesh.reserve(role)
    const [a, b] = [SenderPort.attach(mesh, 0, 1), SenderPort.attach(mesh, 1, 2)]
    for (let m = 0; m < 300; m++) send(a, m)
    send(b, 7)
    const receiver = ReceiverPort.attach(mesh, 0, 3)
    let before = 0
    for (; receiver.next() !== 0 && receiver.sender === 0; before++) receiver.advance()
    assert.strictEqual(before, 256)
    assert.strictEqual(receiver.sender, 1)
    receiver.advance()
    for (; receiver.next() !== 0; before++) receiver.advance()
    assert.strictEqual(before, 300)
  })

  it("send to the least loaded receiver, and pass over one that closed", () => {
    const mesh = make(1, 2)
    for (const role of ["sender", "receiver", "receiver"] as const) mesh.reserve(role)
    const sender = SenderPort.attach(mesh, 0, 1)
    const [first, second] = [ReceiverPort.attach(mesh, 0, 2), ReceiverPort.attach(mesh, 1, 3)]
    for (const value of [10, 20, 30]) send(sender, value)
    const take = (port: ReceiverPort) => {
      const values: Array<number> = []
      for (; port.next() !== 0; port.advance()) values.push(mesh.memory.i32[port.lane.offset >>> 2])
      return values
    }
    assert.deepStrictEqual(take(second), [20])
    first.close()
    send(sender, 40)
    assert.deepStrictEqual(take(second), [40])
    // What the first one left behind comes to the second, once: the dead keep nothing.
    assert.isTrue(second.scout())
    assert.deepStrictEqual(take(second), [10, 30])
    mesh.bury(3)
    const heir = ReceiverPort.attach(mesh, 1, 4)
    assert.isTrue(heir.scout())
    assert.deepStrictEqual(take(heir), [20, 40, 10, 30])
  })

  it("go on naming their thread when they are closed, for it keeps what travels beside, until it is gone", () => {
    const mesh = make(1, 1)
    for (const role of ["sender", "receiver"] as const) mesh.reserve(role)
    SenderPort.attach(mesh, 0, 5).close()
    const word = () => mesh.endpoint(0, Endpoint.state)
    assert.deepStrictEqual([stateOf(word()), ownerOf(word())], [EndpointState.Closed, 5])
    mesh.bury(6)
    assert.strictEqual(ownerOf(word()), 5)
    mesh.bury(5)
    assert.deepStrictEqual([stateOf(word()), ownerOf(word())], [EndpointState.Closed, 0])
    assert.isTrue(mesh.reserveSender(0))
  })
})
