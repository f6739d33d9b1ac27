import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { ReceiverHandle, SenderHandle } from "../../src/channel/Handle.ts"
import * as SharedChannel from "../../src/channel/SharedChannel.ts"
import type { ReceiveError } from "../../src/errors/Errors.ts"
import { attachBoth } from "./subjects.ts"

const Text = Schema.String

describe("options", () => {
  for (const [option, options] of Object.entries({
    capacity: { capacity: 0 },
    capacityBytes: { capacityBytes: 32 },
    maxSenders: { maxSenders: 257 },
    wait: { wait: "nap" as "park" },
    colour: { colour: "blue" }
  })) {
    it.effect(`${option} that is not allowed is named`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(SharedChannel.mpsc(Text, options))
        assert.strictEqual(error._tag, "InvalidConfig")
        assert.strictEqual(error.option, `SharedChannel.mpsc.${option}`)
      })
    )
  }
})

describe("a channel that is too large", () => {
  it.effect("for the offsets of a ring names what makes it so, and the limit", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        SharedChannel.mpmc(Text, { capacityBytes: 2 ** 28, maxSenders: 4, maxReceivers: 2 })
      )
      assert.strictEqual(error._tag, "InvalidConfig")
      assert.strictEqual(error.option, "SharedChannel.mpmc: capacityBytes × maxSenders × maxReceivers")
      assert.include(error.allowed, `at most ${2 ** 31 - 1} bytes`)
      assert.include(error.allowed, "268435456 × 4 × 2")
    })
  )

  it.effect("for the machine is no defect", () =>
    Effect.gen(function* () {
      const { SharedArrayBuffer } = globalThis
      const refused = Effect.suspend(() => {
        globalThis.SharedArrayBuffer = function () {
          throw new RangeError("Array buffer allocation failed")
        } as never
        return Effect.flip(SharedChannel.spsc(Text))
      })
      const error = yield* Effect.ensuring(
        refused,
        Effect.sync(() => void (globalThis.SharedArrayBuffer = SharedArrayBuffer))
      )
      assert.strictEqual(error._tag, "InvalidConfig")
      assert.include(error.message, "Array buffer allocation failed")
    })
  )
})

describe("handles", () => {
  it.effect("of a second sender of an SPSC channel is refused, of either way to get one", () =>
    Effect.gen(function* () {
      const channel = yield* SharedChannel.spsc(Text, { name: "narrow" })
      for (const clone of [channel.cloneSender, SharedChannel.cloneSender(channel.sender)]) {
        const error = yield* Effect.flip(clone)
        assert.include(error.message, "channel narrow: senders = 2 is not allowed: at most 1")
      }
      yield* SharedChannel.attachSender(Text, channel.sender)
      const error = yield* Effect.flip(SharedChannel.attachSender(Text, channel.sender))
      assert.strictEqual(error._tag, "InvalidConfig")
      assert.include(error.message, "already attached")
    })
  )

  it.effect("are cloned by anybody who has one, until all places are taken", () =>
    Effect.gen(function* () {
      const channel = yield* SharedChannel.mpmc(Text, { maxSenders: 3, maxReceivers: 2 })
      const second = yield* SharedChannel.cloneSender(channel.sender)
      const third = yield* SharedChannel.cloneSender(second)
      assert.deepStrictEqual([channel.sender.slot, second.slot, third.slot], [0, 1, 2])
      assert.include((yield* Effect.flip(SharedChannel.cloneSender(third))).message, "at most 3")
      const other = yield* SharedChannel.cloneReceiver(channel.receiver)
      assert.strictEqual(other.slot, 1)
      assert.include((yield* Effect.flip(SharedChannel.cloneReceiver(other))).message, "at most 2")
    })
  )

  it.effect("travel in the messages of another channel", () =>
    Effect.gen(function* () {
      const Post = Schema.Struct({ reply: SenderHandle<string>(), jobs: ReceiverHandle<string>() })
      const outer = yield* SharedChannel.spsc(Post)
      const replies = yield* SharedChannel.spsc(Text)
      const jobs = yield* SharedChannel.spsc(Text)
      const post = yield* attachBoth(Post, outer)
      yield* post.sender.send({ reply: replies.sender, jobs: jobs.receiver })
      const received = yield* post.receiver.receive
      const worker = yield* SharedChannel.attachReceiver(Text, received.jobs)
      const answer = yield* SharedChannel.attachSender(Text, received.reply)
      const boss = yield* SharedChannel.attachSender(Text, jobs.sender)
      const inbox = yield* SharedChannel.attachReceiver(Text, replies.receiver)
      yield* boss.send("ping")
      yield* answer.send(`${yield* worker.receive}-pong`)
      assert.strictEqual(yield* inbox.receive, "ping-pong")
    })
  )

  it.effect("that are garbage are named", () =>
    Effect.gen(function* () {
      const { receiver, sender } = yield* SharedChannel.spsc(Text)
      const attach = (handle: unknown) => Effect.flip(SharedChannel.attachSender(Text, handle as typeof sender))
      const option = (handle: unknown) => Effect.map(attach(handle), (error) => error.option)
      const where = "SharedChannel.attachSender"
      assert.strictEqual(yield* option(undefined), where)
      assert.strictEqual(yield* option("sender"), where)
      assert.strictEqual(yield* option(receiver), `${where}._tag`)
      assert.strictEqual(yield* option({ ...sender, slot: 1 }), `${where}.slot`)
      assert.strictEqual(yield* option({ ...sender, slot: 0.5 }), `${where}.slot`)
      assert.strictEqual(yield* option({ ...sender, wait: "nap" }), `${where}.wait`)
      assert.strictEqual(yield* option({ ...sender, memory: new ArrayBuffer(4096) }), `${where}.memory`)
      assert.strictEqual(yield* option({ ...sender, memory: new SharedArrayBuffer(4096) }), `${where}.memory`)
      const cut = new SharedArrayBuffer(512)
      new Uint8Array(cut).set(new Uint8Array(sender.memory, 0, 512))
      assert.include((yield* attach({ ...sender, memory: cut })).message, "does not fit 512 bytes")
      const error = yield* Effect.flip(SharedChannel.attachSender(Schema.Number as never, sender))
      assert.strictEqual(error.option, `${where}.schema`)
    })
  )
})

describe("before a receiver attaches", () => {
  it.effect("there is room, and what was sent waits for it", () =>
    Effect.gen(function* () {
      const channel = yield* SharedChannel.spsc(Text, { capacity: 2 })
      const sender = yield* SharedChannel.attachSender(Text, channel.sender)
      const sent = yield* Effect.forEach(["a", "b", "c"], (text) => sender.trySend(text))
      assert.deepStrictEqual(sent, [true, true, false])
      yield* sender.close
      const receiver = yield* SharedChannel.attachReceiver(Text, channel.receiver)
      assert.deepStrictEqual(yield* receiver.receiveAll(), ["a", "b"])
    })
  )

  it.effect("a receiver that joins an MPMC channel late gets its share", () =>
    Effect.gen(function* () {
      const channel = yield* SharedChannel.mpmc(Text, { capacity: 4 })
      const { receiver, sender } = yield* attachBoth(Text, channel)
      yield* sender.sendAll(["a", "b"])
      const late = yield* SharedChannel.attachReceiver(Text, yield* channel.cloneReceiver)
      yield* sender.sendAll(["c"])
      assert.deepStrictEqual(yield* receiver.receiveAll(), ["a", "b"])
      assert.deepStrictEqual(yield* late.receiveAll(), ["c"])
    })
  )
})

describe("a receiver that is never out of work", () => {
  it.effect("hears of a sender that came later", () =>
    Effect.gen(function* () {
      const channel = yield* SharedChannel.mpsc(Schema.Int, { capacity: 8 })
      const { receiver, sender } = yield* attachBoth(Schema.Int, channel)
      yield* sender.sendAll([0, 0])
      const late = yield* SharedChannel.attachSender(Schema.Int, yield* channel.cloneSender)
      yield* late.send(1)
      const got: Array<number> = []
      // One comes for each that goes: its lane is never empty.
      for (let i = 0; i < 600; i++) {
        got.push(yield* receiver.receive)
        if (got.at(-1) === 0) yield* sender.send(0)
      }
      assert.include(got, 1)
    })
  )
})

describe("closing", () => {
  it.effect("the owner's scope ends whoever is blocked with Closed", () =>
    Effect.gen(function* () {
      const fibers = yield* Effect.scoped(
        Effect.gen(function* () {
          const full = yield* SharedChannel.spsc(Schema.Int, { capacity: 1 })
          const empty = yield* SharedChannel.spsc(Schema.Int)
          const sending = Effect.scoped(
            Effect.flatMap(SharedChannel.attachSender(Schema.Int, full.sender), (sender) => sender.sendAll([1, 2]))
          )
          const receiving = Effect.scoped(
            Effect.flatMap(SharedChannel.attachReceiver(Schema.Int, empty.receiver), (receiver) => receiver.receive)
          )
          return [
            yield* Effect.forkDetach(Effect.flip(sending), { startImmediately: true }),
            yield* Effect.forkDetach(Effect.flip(receiving), { startImmediately: true })
          ] as const
        })
      )
      for (const fiber of fibers) {
        const error = yield* Fiber.join<unknown, unknown>(fiber)
        assert.strictEqual((error as { readonly reason: string }).reason, "Closed")
      }
    })
  )

  it.effect("a closed receiver reads nothing more, not even what is there", () =>
    Effect.gen(function* () {
      const channel = yield* SharedChannel.spsc(Schema.Int, { ack: "after" })
      const { receiver, sender } = yield* attachBoth(Schema.Int, channel)
      yield* sender.sendAll([1, 2])
      yield* receiver.close
      const attempts: ReadonlyArray<Effect.Effect<unknown, ReceiveError>> = [
        receiver.receive,
        receiver.receiveAll(),
        receiver.tryReceive
      ]
      for (const attempt of attempts) {
        assert.strictEqual((yield* Effect.flip(attempt)).reason, "Closed")
      }
    })
  )
})

describe("statistics", () => {
  it.effect("are read from a handle, and reset for one reader only", () =>
    Effect.gen(function* () {
      const channel = yield* SharedChannel.spsc(Schema.Int, { ack: "batch" })
      const { receiver, sender } = yield* attachBoth(Schema.Int, channel)
      const reader = yield* SharedChannel.statsReader(channel.receiver)
      yield* sender.sendAll([1, 2, 3])
      yield* receiver.receiveAll(2)
      const counted = yield* SharedChannel.stats(channel.sender)
      assert.deepStrictEqual([counted.sent, counted.received, counted.depth], [3, 2, 3])
      yield* receiver.ack
      reader.reset()
      yield* sender.send(4)
      assert.deepStrictEqual([reader.read().sent, reader.read().received, reader.read().depth], [1, 0, 2])
      assert.strictEqual((yield* channel.stats).sent, 4)
      assert.strictEqual((yield* Effect.flip(SharedChannel.stats({} as never)))._tag, "InvalidConfig")
    })
  )
})
