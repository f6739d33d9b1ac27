import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { ReceiverHandle, SenderHandle } from "../../src/channel/Handle.ts"
import * as SharedChannel from "../../src/channel/SharedChannel.ts"
import { type ReceiveError, Timeout } from "../../src/errors/Errors.ts"
import { LaneControl, laneControlIndex } from "../../src/ring/layout.ts"
import { Mesh } from "../../src/ring/Mesh.ts"
import { asThread } from "./subjects.ts"

const Text = Schema.String
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index)

const attachBoth = Effect.fnUntraced(function* <A>(
  schema: Schema.Codec<A, unknown>,
  channel: SharedChannel.SharedChannel<A>
) {
  const receiver = yield* SharedChannel.attachReceiver(schema, channel.receiver)
  const sender = yield* SharedChannel.attachSender(schema, channel.sender)
  return { receiver, sender }
})

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
})

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
