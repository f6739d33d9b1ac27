/** Waits and receives that end before what they were for: by the clock, or by an interruption. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import * as SharedChannel from "../../src/channel/SharedChannel.ts"
import { InvalidConfig, SendError, Timeout } from "../../src/errors/Errors.ts"
import { asThread, attachBoth, range } from "./subjects.ts"

describe("timeouts", () => {
  it.effect("follow the clock of the program and give back what was not accepted", () =>
    Effect.gen(function* () {
      const channel = yield* SharedChannel.spsc(Schema.Int, { capacity: 2 })
      const { receiver, sender } = yield* attachBoth(Schema.Int, channel)
      const fiber = yield* Effect.forkChild(Effect.flip(sender.sendAllWithin([1, 2, 3, 4, 5, 6], "1 hour")))
      yield* TestClock.adjust("40 minutes")
      assert.deepStrictEqual(yield* receiver.receiveAll(), [1, 2])
      while ((yield* channel.stats).sent < 4) yield* Effect.yieldNow
      // Room in between does not start the hour anew.
      yield* TestClock.adjust("20 minutes")
      const error = yield* Fiber.join(fiber)
      assert.instanceOf(error, Timeout)
      assert.deepStrictEqual(error.unsent, [5, 6])
      assert.strictEqual((yield* channel.stats).sendErrors, 1)
    })
  )

  for (const given of ["1 fortnight", Number.NaN, undefined, null]) {
    it.effect(`of ${String(given)}, which is no duration, are refused, whether there is room or not`, () =>
      Effect.gen(function* () {
        const duration = given as "1 second"
        const channel = yield* SharedChannel.spsc(Schema.Int, { name: "clocked", capacity: 2 })
        const { receiver, sender } = yield* attachBoth(Schema.Int, channel)
        const refused = Effect.gen(function* () {
          for (const sending of [sender.sendWithin(1, duration), sender.sendAllWithin([1], duration)]) {
            const error = yield* Effect.flip(sending)
            assert.instanceOf(error, SendError)
            assert.strictEqual(error.reason, "Encode")
            assert.include(error.message, `timeout ${String(given)}: a duration, such as "5 seconds"`)
            assert.deepStrictEqual(error.unsent, [1])
          }
          for (const receiving of [receiver.receiveWithin(duration), receiver.receiveAllWithin(2, duration)]) {
            const error = yield* Effect.flip(receiving as Effect.Effect<unknown, unknown>)
            assert.instanceOf(error, InvalidConfig)
            assert.strictEqual(error.option, "channel clocked: receive.duration")
            assert.include(error.message, 'a duration, such as "5 seconds"')
          }
        })
        yield* refused
        yield* sender.sendAll([2, 3])
        yield* refused
        assert.deepStrictEqual(yield* receiver.receiveAll(), [2, 3])
      })
    )
  }
})

describe("a receive that is interrupted between the ring and its caller", () => {
  /** Takes ten messages out of the ring and no further. */
  const interrupted = Effect.gen(function* () {
    const channel = yield* SharedChannel.spsc(Schema.Int, { ack: "after" })
    const [receiver, owner] = yield* asThread(SharedChannel.attachReceiver(Schema.Int, channel.receiver))
    const sender = yield* SharedChannel.attachSender(Schema.Int, channel.sender)
    yield* sender.sendAll(range(0, 20))
    const reader = yield* SharedChannel.statsReader(channel.receiver)
    const yieldsOnce = new (class extends Scheduler.MixedScheduler {
      due = true
      override shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
        if (!this.due || reader.read().received === 0) return super.shouldYield(fiber)
        this.due = false
        return true
      }
    })()
    const fiber = yield* Effect.forkChild(
      Effect.provideService(receiver.receiveAll(10), Scheduler.Scheduler, yieldsOnce)
    )
    while (yieldsOnce.due) yield* Effect.yieldNow
    const exit = yield* Effect.andThen(Fiber.interrupt(fiber), Fiber.await(fiber))
    assert.isTrue(Exit.hasInterrupts(exit))
    return { channel, owner, receiver }
  })

  it.effect("leaves what it took to the next, which asks for less", () =>
    Effect.gen(function* () {
      const { receiver } = yield* interrupted
      assert.deepStrictEqual(yield* receiver.receiveAll(3), [0, 1, 2])
      assert.strictEqual(yield* receiver.receive, 3)
      assert.deepStrictEqual(yield* receiver.receiveAll(), range(4, 10))
      assert.deepStrictEqual(yield* receiver.receiveAll(), range(10, 20))
    })
  )

  it.effect("has acknowledged nothing of it", () =>
    Effect.gen(function* () {
      const { channel, owner, receiver } = yield* interrupted
      yield* receiver.receiveAll(3)
      yield* receiver.receiveAll(3)
      yield* receiver.ack
      yield* SharedChannel.bury(channel.receiver, owner)
      const successor = yield* SharedChannel.attachReceiver(Schema.Int, channel.receiver)
      assert.deepStrictEqual(yield* successor.receiveAll(), range(0, 20))
    })
  )
})
