import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Codec from "../../src/codec/Codec.ts"
import { ControlBlock } from "../../src/ring/ControlBlock.ts"
import { Kind } from "../../src/ring/Frame.ts"
import { Mesh } from "../../src/ring/Mesh.ts"
import { ReceiverPort } from "../../src/ring/ReceiverPort.ts"
import { SenderPort } from "../../src/ring/SenderPort.ts"
import { Custody } from "../../src/worker/Custody.ts"
import { Progress } from "../../src/worker/Progress.ts"
import { unguarded } from "../../src/worker/Safeguard.ts"

describe("Custody", () => {
  it("never goes back behind what it has acknowledged, whatever snapshot its owner says to have", () => {
    const mesh = Mesh.make({
      senders: 1,
      receivers: 1,
      laneBytes: 1024,
      laneMessages: 0,
      fingerprint: [1, 2],
      awaitSuccessor: true
    })
    const receiver = mesh.reserve("receiver")
    const sender = SenderPort.attach(mesh, mesh.reserve("sender"), 1)
    const port = ReceiverPort.attach(mesh, receiver, 2)
    for (let i = 0; i < 4; i++) {
      assert.isAtLeast(sender.reserve(8), 0)
      sender.commit(8, Kind.Data)
    }
    sender.publish()
    const control = ControlBlock.make()
    const guard = {
      ...unguarded,
      snapshots: { every: 1000, millis: 60_000 },
      resume: { state: new Uint8Array(), counts: [3], done: [] }
    }
    const custody = new Custody(guard, control, port, new Progress(port, false), () => {})
    const skip = () => {
      assert.strictEqual(port.next(), Kind.Data)
      return custody.skip(() => port.advance())
    }
    assert.isTrue(skip())
    custody.save(Codec.make(Schema.Int) as unknown as Codec.Codec<unknown>, 1)
    const number = custody.saved()
    assert.deepStrictEqual([skip(), skip(), skip()], [true, true, false])
    assert.strictEqual(mesh.ackedIn(0, 0), 3)
    control.kept = number
    custody.confirm()
    assert.strictEqual(mesh.ackedIn(0, 0), 3)
    custody.close()
  })
})
