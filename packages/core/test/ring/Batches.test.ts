import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import type { ByteMemory } from "../../src/ring/ByteMemory.ts"
import { Kind } from "../../src/ring/Frame.ts"
import type { LaneConsumer } from "../../src/ring/LaneConsumer.ts"
import type { LaneProducer } from "../../src/ring/LaneProducer.ts"
import type { Decoder, Encoder } from "../../src/ring/Run.ts"
import { LaneControl, laneControlIndex } from "../../src/ring/layout.ts"
import { Mesh } from "../../src/ring/Mesh.ts"
import { ReceiverPort } from "../../src/ring/ReceiverPort.ts"
import { SenderPort } from "../../src/ring/SenderPort.ts"

/** Bytes of what every payload begins with: its number, and whether it decodes. */
const preamble = 8

interface Message {
  readonly number: number
  readonly bytes: number
  /** Bytes that the bound is over. */
  readonly slack: number
  readonly kind: number
  readonly fails: "to encode" | "to decode" | undefined
}

const boundOf = ({ bytes, slack }: Message): number => preamble + bytes + slack
const fill = (number: number, at: number): number => (number * 31 + at) & 255

const encoder: Encoder<Message> = {
  fixedSize: undefined,
  bound: boundOf,
  write: (memory, offset, { bytes, fails, number }) => {
    memory.i32[offset >>> 2] = number
    if (fails === "to encode") throw new Error(`${number} does not encode`)
    memory.i32[(offset >>> 2) + 1] = fails === undefined ? 0 : 1
    for (let i = 0; i < bytes; i++) memory.u8[offset + preamble + i] = fill(number, i)
    return offset + preamble + bytes
  }
}

const decoder: Decoder<number> = {
  read: (memory, offset, end) => {
    const number = memory.i32[offset >>> 2]
    if (memory.i32[(offset >>> 2) + 1] !== 0) throw new Error(`${number} does not decode`)
    for (let i = 0; i < end - offset - preamble; i++) {
      if (memory.u8[offset + preamble + i] !== fill(number, i)) throw new Error(`byte ${i} of ${number} is another`)
    }
    return number
  }
}

/** How a lane is written and read: message by message, or in batches with what a batch cannot do in between. */
interface Way {
  readonly put: (producer: LaneProducer, kind: number, messages: ReadonlyArray<Message>, from: number) => number
  readonly take: (consumer: LaneConsumer, out: Array<number>, max: number) => number
}

const oneByOne: Way = { put: (_producer, _kind, _messages, from) => from, take: () => 0 }
const batched: Way = {
  put: (producer, kind, messages, from) => {
    const end = messages.findIndex((message, at) => at >= from && message.kind !== kind)
    return producer.put(encoder, kind, messages, from, end < 0 ? messages.length : end)
  },
  take: (consumer, out, max) => consumer.take(decoder, Kind.Data, out, out.length, max)
}

const make = (laneBytes: number, laneMessages = 0) =>
  Mesh.make({ senders: 1, receivers: 1, laneBytes, laneMessages, fingerprint: [1, 2], awaitSuccessor: false })

const lane = (way: Way, laneBytes: number, laneMessages: number) => {
  const mesh = make(laneBytes, laneMessages)
  const { memory } = mesh
  const control = laneControlIndex(1, 1, 0)
  let producer = mesh.producer(0, 0)
  let consumer = mesh.consumer(0, 0)
  return {
    memory,
    /** Writes what there is room for; what does not encode is left out. */
    send: (messages: ReadonlyArray<Message>): string => {
      let failed = 0
      for (let index = 0; index < messages.length;) {
        const before = producer.lastSequence
        const from = index
        try {
          index = way.put(producer, messages[index].kind, messages, index)
          if (index === messages.length) break
          const message = messages[index]
          const offset = producer.reserve(boundOf(message))
          if (offset < 0) return `full at ${index}, ${failed} failed`
          producer.commit(encoder.write(memory, offset, message) - offset, message.kind)
          index++
        } catch {
          failed++
          index = from + ((producer.lastSequence - before) | 0) + 1
        }
      }
      return `all, ${failed} failed`
    },
    publish: () => producer.publish(),
    receive: (max: number): ReadonlyArray<number | string> => {
      const seen: Array<number | string> = []
      for (let more = true; more;) {
        const out: Array<number> = []
        try {
          while (out.length + seen.length < max) {
            const kind = consumer.next()
            if (kind === Kind.Empty) break
            if (way.take(consumer, out, max - seen.length) > 0) continue
            const { length, offset } = consumer
            out.push(decoder.read(memory, offset, offset + length) + (kind === Kind.user ? 0.5 : 0))
            consumer.advance()
          }
          more = false
          seen.push(...out)
        } catch (error) {
          seen.push(...out, String(error))
          consumer.advance()
        }
      }
      return [...seen, `at ${consumer.position}, number ${consumer.count}`]
    },
    acknowledge: () => {
      consumer.publishRead()
      return consumer.ack()
    },
    replaceProducer: () => {
      producer = mesh.producer(0, 0)
    },
    /** The consumer dies, perhaps between the two stores of an acknowledgement. */
    replaceConsumer: (acking: boolean) => {
      if (acking) memory.i32[control + LaneControl.ackedCount] = consumer.count
      consumer = mesh.consumer(0, 0)
      const out: Array<number> = []
      assert.strictEqual(consumer.take(decoder, Kind.Data, out, 0, 1), 0, "takes before `next` told the number")
    }
  }
}

const message = fc.record({
  number: fc.nat(1_000_000),
  bytes: fc.nat(16),
  slack: fc.constantFrom(0, 0, 5),
  kind: fc.constantFrom<number>(Kind.Data, Kind.Data, Kind.Data, Kind.user),
  fails: fc.constantFrom(undefined, undefined, undefined, undefined, undefined, "to encode", "to decode")
}) as fc.Arbitrary<Message>

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ send: fc.array(message, { maxLength: 8, size: "max" }) }) },
  { weight: 3, arbitrary: fc.constant("publish" as const) },
  { weight: 5, arbitrary: fc.record({ receive: fc.integer({ min: 1, max: 8 }) }) },
  { weight: 3, arbitrary: fc.constant("acknowledge" as const) },
  { weight: 1, arbitrary: fc.constant("replaceProducer" as const) },
  { weight: 1, arbitrary: fc.record({ replaceConsumer: fc.boolean() }) }
)

const words = (memory: ByteMemory): string => memory.i32.join(" ")

describe("put and take", () => {
  it("do word for word what reserve, commit, next and advance do", () => {
    let taken = 0
    let wraps = 0
    const take: Way["take"] = (consumer, out, max) => {
      const many = batched.take(consumer, out, max)
      taken += many
      return many
    }
    fc.assert(
      fc.property(
        fc.constantFrom(64, 128, 256),
        fc.constantFrom(0, 1, 3),
        fc.array(step, { maxLength: 120, size: "max" }),
        (laneBytes, laneMessages, steps) => {
          const a = lane(oneByOne, laneBytes, laneMessages)
          const b = lane({ ...batched, take }, laneBytes, laneMessages)
          for (const step of steps) {
            const [one, other] = [a, b].map((lane) => {
              if (typeof step === "string") return lane[step]()
              if ("send" in step) return lane.send(step.send)
              return "receive" in step ? lane.receive(step.receive) : lane.replaceConsumer(step.replaceConsumer)
            })
            assert.deepStrictEqual(other, one)
            assert.strictEqual(words(b.memory), words(a.memory))
          }
          if (b.memory.i32[laneControlIndex(1, 1, 0) + LaneControl.acked] > laneBytes >>> 3) wraps++
        }
      ),
      { numRuns: 300, seed: 2 }
    )
    assert.isAbove(taken, 1000)
    assert.isAbove(wraps, 50)
  })

  const plain = (number: number, bytes = 0, fails: Message["fails"] = undefined): Message => ({
    number,
    bytes,
    slack: 0,
    kind: Kind.Data,
    fails
  })

  it("go on after a message that does not decode, whatever the sizes around it", () => {
    const mesh = make(256)
    const producer = mesh.producer(0, 0)
    const messages = [plain(1, 0), plain(2, 30, "to decode"), plain(3, 8)]
    assert.strictEqual(producer.put(encoder, Kind.Data, messages, 0, 3), 3)
    producer.publish()
    const consumer = mesh.consumer(0, 0)
    const out: Array<number> = []
    consumer.next()
    assert.throws(() => consumer.take(decoder, Kind.Data, out, 0, 3), "2 does not decode")
    assert.deepStrictEqual(out, [1])
    consumer.advance()
    consumer.next()
    assert.strictEqual(consumer.take(decoder, Kind.Data, out, 1, 3), 1)
    assert.deepStrictEqual([...out, consumer.count], [1, 3, 3])
  })

  it("stop at the limit of messages, at the end of the ring and when it is full", () => {
    const limited = make(256, 2).producer(0, 0)
    const six = Array.from({ length: 6 }, (_, i) => plain(i, 8))
    assert.strictEqual(limited.put(encoder, Kind.Data, six, 0, 6), 2)
    // Frames of 3 units in a ring of 8: the third would straddle the end.
    assert.strictEqual(make(64).producer(0, 0).put(encoder, Kind.Data, six, 0, 6), 2)
    assert.strictEqual(make(128).producer(0, 0).put(encoder, Kind.Data, six, 0, 6), 5)
  })

  it("go by the room that the producer knows of: only `reserve` looks anew", () => {
    const mesh = make(128)
    const producer = mesh.producer(0, 0)
    const consumer = mesh.consumer(0, 0)
    const eight = Array.from({ length: 9 }, (_, i) => plain(i))
    assert.strictEqual(producer.put(encoder, Kind.Data, eight, 0, 9), 8)
    producer.publish()
    while (consumer.next() !== Kind.Empty) consumer.advance()
    consumer.ack()
    assert.strictEqual(producer.put(encoder, Kind.Data, eight, 8, 9), 8)
    assert.isAtLeast(producer.reserve(8), 0)
    assert.strictEqual(producer.put(encoder, Kind.Data, eight, 8, 9), 9)
  })
})

describe("ReceiverPort.take", () => {
  const open = () => {
    const mesh = Mesh.make({
      senders: 2,
      receivers: 1,
      laneBytes: 16_384,
      laneMessages: 0,
      fingerprint: [0, 0],
      awaitSuccessor: true
    })
    for (const role of ["sender", "sender", "receiver"] as const) mesh.reserve(role)
    const send = (slot: number, from: number, to: number, fails = -1) => {
      const port = SenderPort.attach(mesh, slot, slot + 1)
      const messages = Array.from({ length: to - from }, (_, i): Message => {
        const number = from + i
        return { number, bytes: 0, slack: 0, kind: Kind.Data, fails: number === fails ? "to decode" : undefined }
      })
      assert.strictEqual(port.lane()!.put(encoder, Kind.Data, messages, 0, messages.length), messages.length)
      port.publish()
    }
    return { send, port: ReceiverPort.attach(mesh, 0, 3) }
  }

  it("gives every lane its turn after 256 messages, over several calls", () => {
    const { port, send } = open()
    send(0, 0, 400)
    send(1, 1000, 1100)
    const out: Array<number> = []
    const turns: Array<readonly [sender: number, many: number]> = []
    while (port.next() !== Kind.Empty) {
      turns.push([port.sender, port.take(decoder, Kind.Data, out, out.length, out.length + 200)])
    }
    assert.deepStrictEqual(turns, [
      [0, 200],
      [0, 56],
      [1, 100],
      [0, 144]
    ])
    assert.strictEqual(port.reached, 500)
    assert.deepStrictEqual(
      out.toSorted((a, b) => a - b),
      [...Array(400).keys(), ...Array.from({ length: 100 }, (_, i) => 1000 + i)]
    )
  })

  it("says how far it came when a message does not decode", () => {
    const { port, send } = open()
    send(0, 0, 5, 3)
    const out: Array<number> = []
    port.next()
    assert.throws(() => port.take(decoder, Kind.Data, out, 0, 9), "3 does not decode")
    assert.strictEqual(port.reached, 3)
    port.advance()
    port.next()
    assert.strictEqual(port.take(decoder, Kind.Data, out, 3, 9), 1)
    assert.deepStrictEqual(out, [0, 1, 2, 4])
  })

  it("takes nothing while urgent lanes must be looked at between two messages", () => {
    const { port, send } = open()
    port.urgent = 1
    send(1, 0, 2)
    assert.strictEqual(port.next(), Kind.Data)
    assert.strictEqual(port.take(decoder, Kind.Data, [], 0, 2), 0)
    send(0, 10, 11)
    assert.strictEqual(port.next(), Kind.Data)
    assert.strictEqual(port.sender, 0)
  })

  /** From now on no hint tells of anything new. */
  const stopHints = ({ mesh: { memory } }: ReceiverPort) => Reflect.set(memory, "hints", memory.i32.slice())

  it.each([
    { late: false, most: 0 },
    { late: true, most: 256 }
  ])("has $most messages at most go before urgent ones, whose hints are late: $late", ({ late, most }) => {
    const { port, send } = open()
    port.urgent = 1
    send(1, 1000, 1400)
    assert.strictEqual(port.next(), Kind.Data)
    if (late) stopHints(port)
    send(0, 0, 2)
    let before = 0
    for (; port.next() === Kind.Data && port.sender === 1; before++) port.advance()
    assert.strictEqual(before, most)
    assert.strictEqual(port.sender, 0)
  })

  it("says that there is nothing after it has looked at urgent lanes without hints", () => {
    const { port, send } = open()
    port.urgent = 1
    assert.strictEqual(port.next(), Kind.Empty)
    assert.isTrue(port.isEmpty(0))
    stopHints(port)
    send(0, 0, 1)
    assert.isFalse(port.isEmpty(0))
    assert.strictEqual(port.next(), Kind.Data)
    assert.strictEqual(port.sender, 0)
    port.advance()
    assert.isTrue(port.isEmpty(0))
    assert.strictEqual(port.next(), Kind.Empty)
  })
})
