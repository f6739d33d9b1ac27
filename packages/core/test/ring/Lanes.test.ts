import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { Kind } from "../../src/ring/Frame.ts"
import { laneControlIndex, LaneControl, laneDataOffset } from "../../src/ring/layout.ts"
import { Mesh } from "../../src/ring/Mesh.ts"
import { RingFault } from "../../src/ring/RingFault.ts"

const make = (laneBytes: number, laneMessages = 0) =>
  Mesh.make({ senders: 1, receivers: 1, laneBytes, laneMessages, fingerprint: [1, 2], awaitSuccessor: false })

const mark = (number: number, length: number) => (number * 31 + length) & 255

/** What a lane must be: a queue of (number, length), bounded in bytes and messages. */
const lane = (laneBytes: number, laneMessages: number) => {
  const mesh = make(laneBytes, laneMessages)
  let producer = mesh.producer(0, 0)
  let consumer = mesh.consumer(0, 0)
  const { u8 } = mesh.memory
  const written: Array<number> = []
  let published = 0
  let read = 0
  let acked = 0
  return {
    send: (length: number) => {
      const bytes = Math.min(length, producer.maxPayload)
      const at = producer.reserve(bytes)
      if (at < 0) {
        // Refused for a reason only: messages, or less room than the frame and the longest pad take.
        const full = laneMessages > 0 && written.length - acked >= laneMessages
        assert.isTrue(full || acked < written.length, "an empty lane refuses nothing")
        return
      }
      assert.isTrue(laneMessages === 0 || written.length - acked < laneMessages, "over the limit of messages")
      for (let i = 0; i < bytes; i++) u8[at + i] = mark(written.length, bytes)
      producer.commit(bytes, Kind.Data)
      written.push(bytes)
    },
    publish: () => {
      assert.strictEqual(producer.publish(), published < written.length)
      published = written.length
    },
    receive: () => {
      const kind = consumer.next()
      assert.strictEqual(kind, read < published ? Kind.Data : Kind.Empty)
      if (kind === Kind.Empty) return
      assert.strictEqual(consumer.length, written[read])
      assert.strictEqual(consumer.count, read)
      for (let i = 0; i < consumer.length; i++) {
        assert.strictEqual(u8[consumer.offset + i], mark(read, consumer.length))
      }
      consumer.advance()
      read += 1
    },
    ack: () => {
      consumer.ack()
      acked = read
    },
    replaceProducer: () => {
      producer = mesh.producer(0, 0)
      written.length = published
      assert.strictEqual(producer.lastSequence, published - 1)
    },
    replaceConsumer: () => {
      consumer = mesh.consumer(0, 0)
      read = acked
    },
    end: () => {
      producer.publish()
      published = written.length
    },
    isEmpty: () => read === published
  }
}

describe("a lane", () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.nat(120).map((length) => ["send", length] as const) },
    { weight: 3, arbitrary: fc.constant(["publish", 0] as const) },
    { weight: 5, arbitrary: fc.constant(["receive", 0] as const) },
    { weight: 2, arbitrary: fc.constant(["ack", 0] as const) },
    { weight: 1, arbitrary: fc.constant(["replaceProducer", 0] as const) },
    { weight: 1, arbitrary: fc.constant(["replaceConsumer", 0] as const) }
  )

  it("is a bounded queue, whatever the sizes, the wraps and the successors", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(64, 128, 256),
        fc.constantFrom(0, 1, 3),
        fc.array(step, { maxLength: 300, size: "max" }),
        (laneBytes, laneMessages, steps) => {
          const model = lane(laneBytes, laneMessages)
          for (const [name, length] of steps) model[name](length)
          model.end()
          for (let i = 0; i < 300 && !model.isEmpty(); i++) model.receive()
          assert.isTrue(model.isEmpty())
        }
      ),
      { numRuns: 500, seed: 1 }
    )
  })

  it("keeps going where positions and numbers wrap at 2^32", () => {
    const mesh = make(64)
    const control = laneControlIndex(1, 1, 0)
    const { i32 } = mesh.memory
    for (const word of [LaneControl.write, LaneControl.acked, LaneControl.read]) i32[control + word] = -8
    i32[control + LaneControl.ackedCount] = -2
    const producer = mesh.producer(0, 0)
    const consumer = mesh.consumer(0, 0)
    for (let m = 0; m < 20; m++) {
      i32[producer.reserve(12) >>> 2] = m
      producer.commit(12, Kind.Data)
      producer.publish()
      assert.strictEqual(consumer.next(), Kind.Data)
      assert.strictEqual(i32[consumer.offset >>> 2], m)
      consumer.advance()
      consumer.ack()
    }
    assert.strictEqual(producer.lastSequence, 17)
    assert.isTrue(producer.isAcked(17))
  })

  it("gives a successor the count that its predecessor did not store", () => {
    const mesh = make(64)
    const producer = mesh.producer(0, 0)
    producer.reserve(8)
    producer.commit(8, Kind.Data)
    producer.publish()
    const sent = laneControlIndex(1, 1, 0) + LaneControl.sent
    mesh.memory.i32[sent] = 0
    mesh.producer(0, 0)
    assert.strictEqual(mesh.memory.i32[sent], 1)
  })
})

/** A generator of pseudo-random 32-bit words. */
const words = (seed: number) => () => {
  seed = (Math.imul(seed ^ (seed >>> 15), 0x2c1b3c6d) + 0x9e3779b1) | 0
  return seed ^ (seed >>> 13)
}

describe("corrupt memory", () => {
  it("is a fault or a message, never an offset outside the lane, never a loop: 240,000 rings", () => {
    const laneBytes = 128
    const random = words(7)
    const data = laneDataOffset(1, 1, laneBytes, 0)
    const control = laneControlIndex(1, 1, 0)
    let faults = 0
    let messages = 0
    const mesh = make(laneBytes)
    const { i32 } = mesh.memory
    const inside = (offset: number, length: number) => offset >= data && offset + length <= data + laneBytes
    for (let run = 0; run < 240_000; run++) {
      i32.fill(0, control)
      const producer = mesh.producer(0, 0)
      for (let m = random() & 7; m > 0; m--) {
        const bytes = random() & 31
        if (producer.reserve(bytes) < 0) break
        producer.commit(bytes, Kind.Data)
      }
      producer.publish()
      for (let hits = 1 + (random() & 3); hits > 0; hits--) {
        // A header, a cursor, or any word of the lane; a flipped bit, a small number, or anything.
        const choice = random() & 3
        const at =
          choice === 0
            ? control + [LaneControl.write, LaneControl.acked, LaneControl.ackedCount, LaneControl.sent][random() & 3]
            : (data >>> 2) + (random() & 31)
        const how = random() & 3
        i32[at] = how === 0 ? i32[at] ^ (1 << (random() & 31)) : how === 1 ? random() & 63 : how === 2 ? random() : -1
      }
      try {
        const consumer = mesh.consumer(0, 0)
        for (let m = 0; consumer.next() !== Kind.Empty; m++) {
          assert.isBelow(m, laneBytes >>> 3, "more frames than units")
          if (!inside(consumer.offset, consumer.length)) assert.fail(`read at ${consumer.offset} + ${consumer.length}`)
          messages++
          consumer.advance()
        }
      } catch (error) {
        if (!(error instanceof RingFault) || error.reason !== "corrupt") throw error
        if (error.offset < control << 2 || error.offset >= data + laneBytes) assert.fail(`blames byte ${error.offset}`)
        faults++
      }
      try {
        const successor = mesh.producer(0, 0)
        const at = successor.reserve(24)
        if (at >= 0 && !inside(at, 24)) assert.fail(`writes at ${at}`)
      } catch (error) {
        if (!(error instanceof RingFault) || error.reason !== "corrupt") throw error
        faults++
      }
    }
    assert.isAbove(faults, 100_000)
    assert.isAbove(messages, 100_000)
  })

  it("names the frame that has a wrong number", () => {
    const mesh = make(128)
    const producer = mesh.producer(0, 0)
    for (let m = 0; m < 3; m++) {
      producer.reserve(8)
      producer.commit(8, Kind.Data)
    }
    producer.publish()
    const third = laneDataOffset(1, 1, 128, 0) + 32
    mesh.memory.i32[(third >>> 2) + 1] = 9
    const consumer = mesh.consumer(0, 0)
    for (let m = 0; m < 2; m++) {
      consumer.next()
      consumer.advance()
    }
    assert.throws(() => consumer.next(), RingFault, "frame numbered 9 where 2 is due")
  })
})
