import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as SharedChannel from "../../src/channel/SharedChannel.ts"
import { asThread, attachBoth, range } from "./subjects.ts"

describe("an unbounded sender", () => {
  it.effect("goes on after a message that did not fit among those it keeps", () =>
    Effect.gen(function* () {
      const channel = yield* SharedChannel.spsc(Schema.Int, { capacity: 2, unbounded: true })
      const { receiver, sender } = yield* attachBoth(Schema.Int, channel)
      const error = yield* Effect.flip(sender.sendAll([0, 1, 2, 3, 0.5, 4]))
      assert.strictEqual(error.reason, "Encode")
      assert.deepStrictEqual(error.unsent, [0.5, 4])
      yield* sender.sendAll(range(4, 5000))
      const got: Array<number> = []
      while (got.length < 100) got.push(...(yield* receiver.receiveAll()))
      const closing = yield* Effect.forkChild(sender.close, { startImmediately: true })
      assert.strictEqual((yield* Effect.flip(sender.send(0))).reason, "Closed")
      yield* Effect.flip(Effect.forever(Effect.map(receiver.receiveAll(), (some) => void got.push(...some))))
      assert.deepStrictEqual(got, range(0, 5000))
      yield* Fiber.join(closing)
    })
  )

  it.effect("gives back what it did not accept, whatever calls there were before", () =>
    Effect.gen(function* () {
      const channel = yield* SharedChannel.spsc(Schema.Int, { capacity: 300, unbounded: true })
      const { receiver, sender } = yield* attachBoth(Schema.Int, channel)
      yield* sender.sendAll(range(0, 250))
      assert.deepStrictEqual((yield* Effect.flip(sender.sendAll([...range(250, 260), 0.5, 1]))).unsent, [0.5, 1])
      yield* sender.sendAll(range(260, 400))
      assert.deepStrictEqual((yield* Effect.flip(sender.sendAll([0, 0.5, 1]))).unsent, [0.5, 1])
      yield* receiver.close
    })
  )

  it.live("moves what it keeps on when the dead receiver has a successor", () =>
    Effect.gen(function* () {
      const channel = yield* SharedChannel.spsc(Schema.Int, { capacity: 2, unbounded: true, onReceiverDeath: "fail" })
      const attach = SharedChannel.attachReceiver(Schema.Int, channel.receiver)
      const [, owner] = yield* asThread(attach)
      const sender = yield* SharedChannel.attachSender(Schema.Int, channel.sender)
      yield* sender.sendAll(range(0, 10))
      yield* SharedChannel.bury(channel.receiver, owner)
      assert.strictEqual((yield* Effect.flip(sender.send(10))).reason, "ReceiverDied")
      // Every fiber of the sender sees the death before there is a successor.
      yield* Effect.yieldNow
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      const [receiver] = yield* asThread(attach)
      const got: Array<number> = []
      while (got.length < 10) got.push(...(yield* receiver.receiveAll()))
      assert.deepStrictEqual(got, range(0, 10))
    })
  )

  it.effect("does not hold the closing of its scope up when nobody can receive", () =>
    Effect.gen(function* () {
      const channel = yield* SharedChannel.spsc(Schema.Int, { capacity: 2, unbounded: true })
      const receiver = yield* SharedChannel.attachReceiver(Schema.Int, channel.receiver)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const sender = yield* SharedChannel.attachSender(Schema.Int, channel.sender)
          yield* sender.sendAll(range(0, 10))
          yield* receiver.close
        })
      )
      assert.strictEqual((yield* channel.stats).sendErrors, 1)
    })
  )
})
