import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Bridge from "../../src/channel/Bridge.ts"
import * as ChannelMetrics from "../../src/channel/ChannelMetrics.ts"
import * as SharedChannel from "../../src/channel/SharedChannel.ts"

const numbers = Array.from({ length: 1000 }, (_, index) => index)

const attachBoth = Effect.gen(function* () {
  const channel = yield* SharedChannel.spsc(Schema.Int, { capacity: 16, name: "bridged" })
  const receiver = yield* SharedChannel.attachReceiver(Schema.Int, channel.receiver)
  const sender = yield* SharedChannel.attachSender(Schema.Int, channel.sender)
  return { channel, receiver, sender }
})

describe("bridges", () => {
  it.effect("carry a queue through a channel into a queue, to the end", () =>
    Effect.gen(function* () {
      const { receiver, sender } = yield* attachBoth
      const out = yield* Bridge.dequeue(receiver, { capacity: 4 })
      const collecting = yield* Effect.forkChild(Queue.collect(out))
      yield* Effect.scoped(
        Effect.gen(function* () {
          const into = yield* Bridge.enqueue(sender, { capacity: 4 })
          yield* Queue.offerAll(into, numbers)
        })
      )
      yield* sender.close
      assert.deepStrictEqual(yield* Fiber.join(collecting), numbers)
    })
  )

  it.effect("hand a failure of the channel on to the queue", () =>
    Effect.gen(function* () {
      const { channel, receiver, sender } = yield* attachBoth
      yield* sender.send(1)
      const data = new Int32Array(channel.sender.memory)
      data[data.indexOf((8 << 4) | 2)] = 0x7fffffff
      const error = yield* Effect.flip(Queue.take(yield* Bridge.dequeue(receiver)))
      assert.strictEqual((error as { readonly reason?: string }).reason, "Corrupt")
    })
  )

  it.effect("end with the queue that feeds them, and fail with it", () =>
    Effect.gen(function* () {
      const { sender } = yield* attachBoth
      const ending = yield* Queue.bounded<number, Cause.Done>(4)
      yield* Queue.offer(ending, 1)
      yield* Queue.end(ending)
      yield* Bridge.fromQueue(ending, sender)
      const failing = yield* Queue.bounded<number, string>(4)
      yield* Queue.fail(failing, "broken")
      assert.strictEqual(yield* Effect.flip(Bridge.fromQueue(failing, sender)), "broken")
    })
  )

  it.effect("interrupt the queue of a channel that refuses", () =>
    Effect.gen(function* () {
      const { receiver, sender } = yield* attachBoth
      yield* receiver.close
      const into = yield* Bridge.enqueue(sender)
      yield* Queue.offer(into, 1)
      const exit = yield* Effect.exit(Queue.await(into as Queue.Queue<number, Cause.Done>))
      assert.isTrue(exit._tag === "Failure" && Cause.hasInterrupts(exit.cause))
    })
  )

  it.effect("stream and sink straight from the handles", () =>
    Effect.gen(function* () {
      const channel = yield* SharedChannel.spsc(Schema.Int, { capacity: 16 })
      const sending = yield* Effect.forkChild(
        Stream.run(Stream.fromIterable(numbers), Bridge.sink(Schema.Int, channel.sender))
      )
      assert.deepStrictEqual(yield* Stream.runCollect(Bridge.stream(Schema.Int, channel.receiver)), numbers)
      yield* Fiber.join(sending)
    })
  )
})

describe("metrics", () => {
  const value = (snapshot: ReadonlyArray<Metric.Metric.Snapshot>, id: string) =>
    snapshot.find((one) => one.id === `shared_nothing_channel_${id}` && one.attributes?.["channel"] === "bridged")
      ?.state

  it.effect("count what came since, under the channel's name, every so often and at the end", () =>
    Effect.gen(function* () {
      const { channel, receiver, sender } = yield* attachBoth
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* ChannelMetrics.track(channel, { every: "1 second" })
          yield* sender.sendAll([1, 2, 3])
          yield* TestClock.adjust("1 second")
          assert.deepInclude(value(yield* Metric.snapshot, "sent"), { count: 3 })
          assert.deepInclude(value(yield* Metric.snapshot, "depth"), { value: 3 })
          yield* sender.send(4)
          yield* TestClock.adjust("1 second")
          assert.deepInclude(value(yield* Metric.snapshot, "sent"), { count: 4 })
          yield* receiver.receiveAll()
          yield* channel.resetStats
          yield* sender.send(5)
        })
      )
      const last = yield* Metric.snapshot
      assert.deepInclude(value(last, "sent"), { count: 5 })
      assert.deepInclude(value(last, "depth"), { value: 1 })
    })
  )
})
