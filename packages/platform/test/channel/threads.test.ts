import { once } from "node:events"
import { Worker } from "node:worker_threads"
import { assert, describe, it } from "@effect/vitest"
import type { ChannelOptionsInput } from "@shared-nothing/core/ChannelOptions"
import * as Codec from "@shared-nothing/core/Codec"
import * as SharedChannel from "@shared-nothing/core/SharedChannel"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Blob, blob, type Task } from "../fixtures/channelThread.ts"
import * as NodeThreads from "../../src/NodeThreads.ts"

const exits = new WeakMap<Worker, Promise<Array<unknown>>>()

const start = (task: Task): Worker => {
  const worker = new Worker(new URL("../fixtures/channelThread.ts", import.meta.url), { workerData: task })
  exits.set(worker, once(worker, "exit"))
  return worker
}

const exit = (worker: Worker) => Effect.promise(async () => (await exits.get(worker))?.[0])

const message = (worker: Worker) => Effect.promise(async () => ((await once(worker, "message")) as [unknown])[0])

const kill = (worker: Worker) => Effect.promise(() => worker.terminate())

const mustBe = (received: Blob, id: number, bytes: number): void => {
  assert.strictEqual(received.id, id)
  assert.strictEqual(received.bytes.length, bytes)
  assert.isTrue(received.bytes.every((byte) => byte === (id & 255)))
}

const receiverOf = Effect.fnUntraced(function* (options?: ChannelOptionsInput) {
  const channel = yield* SharedChannel.mpsc(Blob, options)
  return { channel, receiver: yield* SharedChannel.attachReceiver(Blob, channel.receiver) }
})

describe("a thread", () => {
  it.live("that sends and ends loses nothing, and exits by itself", () =>
    Effect.gen(function* () {
      for (const [bytes, move] of [
        [20, false],
        [2_000_000, false],
        [5000, true]
      ] as const) {
        const { channel, receiver } = yield* receiverOf()
        const worker = start({ do: "send", to: channel.sender, count: 3, bytes, move })
        for (let id = 0; id < 3; id++) mustBe(yield* receiver.receive, id, bytes)
        assert.strictEqual(yield* exit(worker), 0)
        assert.strictEqual((yield* Effect.flip(receiver.receive)).reason, "Closed")
      }
    })
  )

  it.live("that sent large messages stays until they are asked for", () =>
    Effect.gen(function* () {
      const channel = yield* SharedChannel.mpsc(Blob)
      const worker = start({ do: "send", to: channel.sender, count: 2, bytes: 700_000, move: true })
      yield* Effect.repeat(
        Effect.andThen(channel.stats, (stats) => Effect.as(Effect.sleep(5), stats.sent)),
        {
          until: (sent) => sent === 2
        }
      )
      yield* Effect.sleep(50)
      const receiver = yield* SharedChannel.attachReceiver(Blob, channel.receiver)
      for (let id = 0; id < 2; id++) mustBe(yield* receiver.receive, id, 700_000)
      assert.strictEqual(yield* exit(worker), 0)
    })
  )

  it.live("clones a sender that it was given", () =>
    Effect.gen(function* () {
      const { channel, receiver } = yield* receiverOf()
      const worker = start({ do: "clone", to: channel.sender })
      mustBe(yield* receiver.receive, 9, 9)
      assert.strictEqual(yield* exit(worker), 0)
    })
  )

  it.live("moves 1,000 messages of 1 MiB, with only some of them on the way", () =>
    Effect.gen(function* () {
      const { channel, receiver } = yield* receiverOf({ capacity: 1024 })
      const worker = start({ do: "send", to: channel.sender, count: 1000, bytes: 1_048_576, move: true })
      let deepest = 0
      for (let id = 0; id < 1000; id++) {
        const received = yield* receiver.receive
        assert.strictEqual(received.id, id)
        assert.strictEqual(received.bytes[1_048_575], id & 255)
        deepest = Math.max(deepest, (yield* channel.stats).depth)
      }
      // 32 MiB beside the ring, and the one that fills it.
      assert.isAtMost(deepest, 33)
      assert.strictEqual(yield* exit(worker), 0)
    })
  )
})

describe("a thread that is terminated", () => {
  it.live("while it holds a sender ends its receiver with SenderDied, if it is watched", () =>
    Effect.gen(function* () {
      const { channel, receiver } = yield* receiverOf()
      const worker = start({ do: "hold", to: channel.sender })
      yield* NodeThreads.watch(worker, channel.sender)
      yield* message(worker)
      mustBe(yield* receiver.receive, 1, 1)
      const waiting = yield* Effect.forkChild(Effect.flip(receiver.receive), { startImmediately: true })
      yield* kill(worker)
      assert.strictEqual((yield* Fiber.join(waiting)).reason, "SenderDied")
      const successor = yield* SharedChannel.attachSender(Blob, channel.sender)
      yield* successor.send(blob(2, 2))
      mustBe(yield* receiver.receive, 2, 2)
      const error = yield* Effect.flip(NodeThreads.watch(worker, channel.sender))
      assert.strictEqual(error._tag, "InvalidConfig")
    })
  )

  it.live("while it receives leaves what it did not acknowledge to a successor", () =>
    Effect.gen(function* () {
      const channel = yield* SharedChannel.spsc(Blob, { ack: "after", onReceiverDeath: "wait" })
      const sender = yield* SharedChannel.attachSender(Blob, channel.sender)
      const worker = start({ do: "receive", from: channel.receiver })
      yield* NodeThreads.watch(worker, channel.receiver)
      yield* sender.send(blob(0, 300_000))
      assert.strictEqual(yield* message(worker), 0)
      // The receiver sleeps now, and has not come back for more than the first.
      yield* kill(worker)
      yield* sender.sendAll([blob(1, 300_000), { id: 2, bytes: Codec.moved(blob(2, 10).bytes) }])
      const successor = start({ do: "receive", from: channel.receiver })
      yield* NodeThreads.watch(successor, channel.receiver)
      const ids: Array<unknown> = []
      successor.on("message", (id) => ids.push(id))
      while (ids.at(-1) !== 2) yield* Effect.sleep(5)
      assert.deepStrictEqual(ids.slice(-2), [1, 2])
      yield* kill(successor)
    })
  )

  it.live("fails senders that do not wait for a successor, blocked ones too", () =>
    Effect.gen(function* () {
      const channel = yield* SharedChannel.spsc(Blob, { capacity: 1, ack: "batch" })
      const sender = yield* SharedChannel.attachSender(Blob, channel.sender)
      const worker = start({ do: "receive", from: channel.receiver })
      yield* NodeThreads.watch(worker, channel.receiver)
      yield* sender.send(blob(0, 1))
      yield* message(worker)
      const blocked = yield* Effect.forkChild(Effect.flip(sender.send(blob(1, 1))), { startImmediately: true })
      yield* kill(worker)
      const error = yield* Fiber.join(blocked)
      assert.strictEqual(error.reason, "ReceiverDied")
      assert.strictEqual(error.unsent.length, 1)
    })
  )
})
