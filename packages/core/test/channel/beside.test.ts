import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import type { ChannelOptionsInput } from "../../src/channel/ChannelOptions.ts"
import * as SharedChannel from "../../src/channel/SharedChannel.ts"
import * as Codec from "../../src/codec/Codec.ts"
import { asThread } from "./subjects.ts"

declare const WebAssembly: { Memory: new (pages: { initial: number }) => { readonly buffer: ArrayBuffer } }

const Message = Schema.Struct({ id: Schema.Int, bytes: Schema.Uint8Array })
type Message = typeof Message.Type

const bytesOf = (id: number, size: number): Uint8Array => new Uint8Array(size).fill(id)

const mustBe = (message: Message, id: number, size: number): void => {
  assert.strictEqual(message.id, id)
  assert.strictEqual(message.bytes.length, size)
  assert.isTrue(message.bytes.every((byte) => byte === (id & 255)))
}

const sizes = [10, 100_000, 0, 40_000, 12, 300_000, 200]

const attachBoth = Effect.fnUntraced(function* (options: ChannelOptionsInput) {
  const channel = yield* SharedChannel.spsc(Message, options)
  const [receiver, receiverOwner] = yield* asThread(SharedChannel.attachReceiver(Message, channel.receiver))
  const [sender, senderOwner] = yield* asThread(SharedChannel.attachSender(Message, channel.sender))
  return { channel, receiver, receiverOwner, sender, senderOwner }
})

describe("messages beside the ring", () => {
  for (const unbounded of [false, true]) {
    it.effect(`keep their place among the others${unbounded ? ", also when they were kept" : ""}`, () =>
      Effect.gen(function* () {
        const { receiver, sender } = yield* attachBoth({ unbounded, capacity: 3 })
        const sending = yield* Effect.forkChild(
          Effect.andThen(
            sender.sendAll(
              sizes.map((size, id) => ({ id, bytes: id % 2 ? Codec.moved(bytesOf(id, size)) : bytesOf(id, size) }))
            ),
            () => sender.close
          )
        )
        for (const [id, size] of sizes.entries()) mustBe(yield* receiver.receive, id, size)
        yield* Fiber.join(sending)
        assert.strictEqual((yield* Effect.flip(receiver.receive)).reason, "Closed")
      })
    )
  }

  it.effect("that are moved leave the sender's view empty", () =>
    Effect.gen(function* () {
      const { receiver, sender } = yield* attachBoth({})
      const bytes = bytesOf(7, 1000)
      yield* sender.send({ id: 7, bytes: Codec.moved(bytes) })
      assert.strictEqual(bytes.length, 0)
      mustBe(yield* receiver.receive, 7, 1000)
    })
  )

  it.effect("are not lost by a sender that closes at once", () =>
    Effect.gen(function* () {
      const channel = yield* SharedChannel.spsc(Message)
      const receiver = yield* SharedChannel.attachReceiver(Message, channel.receiver)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const sender = yield* SharedChannel.attachSender(Message, channel.sender)
          yield* sender.sendAll([
            { id: 1, bytes: bytesOf(1, 2_000_000) },
            { id: 2, bytes: Codec.moved(bytesOf(2, 50)) }
          ])
        })
      )
      mustBe(yield* receiver.receive, 1, 2_000_000)
      mustBe(yield* receiver.receive, 2, 50)
      assert.strictEqual((yield* Effect.flip(receiver.receive)).reason, "Closed")
    })
  )

  it.effect("are bounded by their bytes: the rest waits", () =>
    Effect.gen(function* () {
      const { channel, receiver, sender } = yield* attachBoth({ capacity: 1000 })
      const size = 1_048_576
      let accepted = 0
      while (yield* sender.trySend({ id: accepted, bytes: Codec.moved(bytesOf(accepted, size)) })) accepted += 1
      assert.isAtMost(accepted, 33)
      const sending = yield* Effect.forkChild(
        Effect.forEach(Array.from({ length: 20 }), (_, index) =>
          sender.send({ id: accepted + index, bytes: bytesOf(accepted + index, size) })
        )
      )
      for (let id = 0; id < accepted + 20; id++) {
        mustBe(yield* receiver.receive, id, size)
        assert.isAtMost((yield* channel.stats).depth, 34)
      }
      yield* Fiber.join(sending)
    })
  )

  it.effect("that were copied are there for a successor, those that were moved are lost, one by one", () =>
    Effect.gen(function* () {
      const { channel, receiver, receiverOwner, sender } = yield* attachBoth({ ack: "batch", onReceiverDeath: "wait" })
      yield* sender.sendAll([
        { id: 0, bytes: bytesOf(0, 100_000) },
        { id: 1, bytes: Codec.moved(bytesOf(1, 100_000)) },
        { id: 2, bytes: bytesOf(2, 100_000) },
        { id: 3, bytes: Codec.moved(bytesOf(3, 100)) },
        { id: 4, bytes: Codec.moved(bytesOf(4, 100)) },
        { id: 5, bytes: bytesOf(5, 10) }
      ])
      for (let id = 0; id < 4; id++) assert.strictEqual((yield* receiver.receive).id, id)
      yield* SharedChannel.bury(channel.receiver, receiverOwner)
      const successor = yield* SharedChannel.attachReceiver(Message, channel.receiver)
      yield* sender.send({ id: 6, bytes: Codec.moved(bytesOf(6, 100)) })
      mustBe(yield* successor.receive, 0, 100_000)
      assert.strictEqual((yield* Effect.flip(successor.receive)).reason, "Lost")
      mustBe(yield* successor.receive, 2, 100_000)
      assert.strictEqual((yield* Effect.flip(successor.receive)).reason, "Lost")
      assert.strictEqual((yield* Effect.flip(successor.receive)).reason, "Lost")
      mustBe(yield* successor.receive, 5, 10)
      mustBe(yield* successor.receive, 6, 100)
    })
  )

  it.effect("go on through a sender's successor in the same thread", () =>
    Effect.gen(function* () {
      const { channel, receiver, sender, senderOwner } = yield* attachBoth({})
      yield* sender.sendAll([0, 1].map((id) => ({ id, bytes: bytesOf(id, 700_000) })))
      mustBe(yield* receiver.receive, 0, 700_000)
      yield* SharedChannel.bury(channel.sender, senderOwner)
      const successor = yield* SharedChannel.attachSender(Message, channel.sender)
      yield* successor.send({ id: 2, bytes: bytesOf(2, 700_000) })
      mustBe(yield* receiver.receive, 1, 700_000)
      mustBe(yield* receiver.receive, 2, 700_000)
    })
  )

  it.effect("that cannot be detached are copied", () =>
    Effect.gen(function* () {
      const { receiver, sender } = yield* attachBoth({})
      const pinned = new Uint8Array(new WebAssembly.Memory({ initial: 1 }).buffer)
      pinned.fill(9)
      yield* sender.send({ id: 9, bytes: Codec.moved(pinned) })
      mustBe(yield* receiver.receive, 9, 65_536)
      assert.strictEqual(pinned.length, 65_536)
    })
  )
})
