/** What breaks: bytes, and the threads at either end. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as SharedChannel from "../../src/channel/SharedChannel.ts"
import type { ReceiveError } from "../../src/errors/Errors.ts"
import { LaneControl, laneControlIndex } from "../../src/ring/layout.ts"
import { Mesh } from "../../src/ring/Mesh.ts"
import { asThread, attachBoth, range } from "./subjects.ts"

const Text = Schema.String

describe("a message that cannot be read", () => {
  /** A channel whose frames were written, and the offset of each payload. */
  const written = Effect.gen(function* () {
    const channel = yield* SharedChannel.spsc(Text, { name: "broken" })
    const { receiver, sender } = yield* attachBoth(Text, channel)
    yield* sender.sendAll(["first", "second", "third"])
    const i32 = new Int32Array(channel.sender.memory)
    const data = i32.length - (Mesh.open(channel.sender.memory).laneBytes >> 2)
    const second = data + 2 + (((i32[data] >>> 4) + 7) >>> 3) * 2
    return { i32, receiver, second }
  })

  it.effect("fails with Decode where it is, after those before it, and is passed", () =>
    Effect.gen(function* () {
      const { i32, receiver, second } = yield* written
      i32[second + 2] = -1
      assert.deepStrictEqual(yield* receiver.receiveAll(), ["first"])
      const error = yield* Effect.flip(receiver.receiveAll())
      assert.strictEqual(error.reason, "Decode")
      assert.strictEqual(Math.abs(error.offset! - (second + 2) * 4) <= 8, true)
      assert.deepStrictEqual(yield* receiver.receiveAll(), ["third"])
    })
  )

  it.effect("fails with Corrupt where it is, again and again, if it is no frame", () =>
    Effect.gen(function* () {
      const { i32, receiver, second } = yield* written
      i32[second] = 0x7fffffff
      assert.strictEqual(yield* receiver.receive, "first")
      const attempts: ReadonlyArray<Effect.Effect<unknown, ReceiveError>> = [receiver.receive, receiver.receiveAll()]
      for (const attempt of [...attempts, ...attempts]) {
        const error = yield* Effect.flip(attempt)
        assert.strictEqual(error.reason, "Corrupt")
        assert.strictEqual(error.offset, second * 4)
        assert.include(error.message, "channel broken: not received (Corrupt) at byte")
      }
    })
  )
})

describe("a ring whose cursors are not possible", () => {
  it.effect("fails senders, blocked ones too, and says where", () =>
    Effect.gen(function* () {
      const channel = yield* SharedChannel.spsc(Schema.Int, { capacity: 2 })
      const { sender } = yield* attachBoth(Schema.Int, channel)
      const blocked = yield* Effect.forkChild(Effect.flip(sender.sendAll([1, 2, 3])), { startImmediately: true })
      const mesh = Mesh.open(channel.sender.memory)
      const acked = laneControlIndex(mesh.senders, mesh.receivers, 0) + LaneControl.acked
      mesh.memory.i32[acked] = 1 << 30
      for (const error of [yield* Fiber.join(blocked), yield* Effect.flip(sender.send(4))]) {
        assert.strictEqual(error.reason, "Closed")
        assert.include(error.detail, `corrupt at byte ${acked * 4}`)
      }
    })
  )
})

describe("death", () => {
  it.effect("of a receiver is known to senders, blocked ones too", () =>
    Effect.gen(function* () {
      const channel = yield* SharedChannel.spsc(Schema.Int, { capacity: 2 })
      const [, owner] = yield* asThread(SharedChannel.attachReceiver(Schema.Int, channel.receiver))
      const sender = yield* SharedChannel.attachSender(Schema.Int, channel.sender)
      const blocked = yield* Effect.forkChild(Effect.flip(sender.sendAll([1, 2, 3])), { startImmediately: true })
      assert.strictEqual(yield* SharedChannel.bury(channel.receiver, owner), 1)
      const error = yield* Fiber.join(blocked)
      assert.strictEqual(error.reason, "ReceiverDied")
      assert.deepStrictEqual(error.unsent, [3])
      assert.strictEqual((yield* Effect.flip(sender.send(4))).reason, "ReceiverDied")
    })
  )

  it.effect("of a sender is known to receivers after what it sent, blocked ones too", () =>
    Effect.gen(function* () {
      const channel = yield* SharedChannel.spsc(Schema.Int)
      const [sender, owner] = yield* asThread(SharedChannel.attachSender(Schema.Int, channel.sender))
      const receiver = yield* SharedChannel.attachReceiver(Schema.Int, channel.receiver)
      yield* sender.sendAll([1, 2])
      const all = Effect.forever(receiver.receive)
      const blocked = yield* Effect.forkChild(Effect.flip(all), { startImmediately: true })
      yield* SharedChannel.bury(channel.sender, owner)
      assert.strictEqual((yield* Fiber.join(blocked)).reason, "SenderDied")
      assert.strictEqual((yield* channel.stats).received, 2)
    })
  )

  it.effect("of one receiver of many leaves its messages to a successor, or to the others once retired", () =>
    Effect.gen(function* () {
      const channel = yield* SharedChannel.mpmc(Schema.Int, { ack: "after" })
      const [first, owner] = yield* asThread(SharedChannel.attachReceiver(Schema.Int, channel.receiver))
      const second = yield* SharedChannel.attachReceiver(Schema.Int, yield* channel.cloneReceiver)
      const sender = yield* SharedChannel.attachSender(Schema.Int, channel.sender)
      yield* sender.sendAll(range(0, 256))
      yield* sender.close
      const handed = yield* first.receiveAll(10)
      assert.strictEqual(yield* SharedChannel.retire(channel.receiver), false)
      yield* SharedChannel.bury(channel.receiver, owner)
      assert.strictEqual(yield* SharedChannel.retire(channel.receiver), true)
      const rest: Array<number> = []
      const error = yield* Effect.flip(
        Effect.forever(Effect.map(second.receiveAll(), (messages) => void rest.push(...messages)))
      )
      assert.strictEqual(error.reason, "Closed")
      assert.includeMembers(rest, [...handed])
      assert.deepStrictEqual(
        rest.toSorted((a, b) => a - b),
        range(0, 256)
      )
    })
  )
})
