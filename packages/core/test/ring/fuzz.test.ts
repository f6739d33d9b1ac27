/**
 * Damaged lanes, read the way a receiver reads them: cursors, frame headers and payloads, and headers that say that
 * bytes travel beside the ring. What comes out is a typed failure that names where, or a message; where only headers
 * were damaged, one that was sent.
 *
 * Every damaged lane is read twice, with other bytes in the lanes around it: equal outcomes show that nothing was read
 * outside of it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { FrameReader, LostPayload } from "../../src/channel/FrameReader.ts"
import { FrameWriter } from "../../src/channel/FrameWriter.ts"
import * as Codec from "../../src/codec/Codec.ts"
import { CodecError } from "../../src/codec/CodecError.ts"
import { attached, Kind, unitsOf } from "../../src/ring/Frame.ts"
import { laneControlIndex, LaneControl, laneDataOffset } from "../../src/ring/layout.ts"
import type { LaneProducer } from "../../src/ring/LaneProducer.ts"
import { Mesh } from "../../src/ring/Mesh.ts"
import { ReceiverPort } from "../../src/ring/ReceiverPort.ts"
import { RingFault } from "../../src/ring/RingFault.ts"
import { SenderPort } from "../../src/ring/SenderPort.ts"

const Message = Schema.Struct({ id: Schema.Int, text: Schema.String, bytes: Schema.Uint8Array })
type Message = typeof Message.Type
const codec = Codec.make(Message)

const framesToDamage = 1_000_000
const laneBytes = 512
/** The lane under test is the middle one of three. */
const receivers = 3
const column = 1

const random = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return (t ^ (t >>> 14)) >>> 0
}

const messageOf = (id: number, size: number): Message => ({
  id,
  text: "é".repeat(id % 5) + "x".repeat(id % 11),
  bytes: new Uint8Array(size).fill(id)
})

/** Bytes beside a lane, by the number of their frame. */
type Beside = Map<number, ReadonlyArray<ArrayBufferLike>>

/** A lane with every kind of frame in it and a wrap, before whose first frame some were acknowledged. */
const prepare = (seed: number) => {
  const next = random(seed)
  const mesh = Mesh.make({
    senders: 1,
    receivers,
    laneBytes,
    laneMessages: 0,
    fingerprint: [1, 2],
    awaitSuccessor: true
  })
  mesh.reserve("sender")
  for (let r = 0; r < receivers; r++) mesh.reserve("receiver")
  const { i32 } = mesh.memory
  const control = laneControlIndex(1, receivers, column)
  // Positions and numbers close to where they wrap.
  const start = (next() % 300) - 40
  for (const word of [LaneControl.write, LaneControl.read, LaneControl.acked]) i32[control + word] = start
  i32[control + LaneControl.ackedCount] = -3
  const port = SenderPort.attach(mesh, 0, 9)
  const writer = new FrameWriter(port)
  const beside: Beside = new Map()
  Reflect.set(writer, "post", (lane: LaneProducer, buffers: ReadonlyArray<ArrayBufferLike>) => {
    beside.set(lane.lastSequence, [...buffers])
  })
  const sent: Array<Message> = []
  for (let number = 0; ; number++) {
    const message = messageOf(number, number % 4 === 1 ? laneBytes * 2 : next() % 60)
    const value = number % 4 === 3 ? { ...message, bytes: Codec.moved(message.bytes.slice()) } : message
    Reflect.set(port, "current", column)
    if (!writer.write(codec, value, number % 3 === 0 ? Kind.user + 1 : Kind.Data)) break
    sent.push(message)
  }
  port.publish()
  return { mesh, sent, beside, snapshot: new Uint8Array(mesh.memory.buffer).slice() }
}

type Prepared = ReturnType<typeof prepare>

interface Damage {
  readonly apply: (bytes: Uint8Array) => void
  readonly beside: Beside
  readonly headersOnly: boolean
  /** Frames that were damaged, cursors apart. */
  readonly frames: number
}

const interesting = [0, 1, -1, 2, 8, 15, 16, 0x7fffffff, -0x80000000, 0x7ffffff8, laneBytes >> 3, laneBytes << 4]

const damageTo = ({ beside, mesh, snapshot }: Prepared, next: () => number): Damage => {
  const control = laneControlIndex(1, receivers, column) << 2
  const headersOnly = next() % 2 === 0
  const writes: Array<readonly [at: number, value: number]> = []
  const view = new DataView(snapshot.buffer)
  const change = (at: number) => {
    const old = view.getInt32(at, true)
    const value = [old ^ (1 << (next() & 31)), interesting[next() % interesting.length], next(), old + (next() % 9) - 4]
    writes.push([at, value[next() & 3]])
  }
  const heads = headsOf(mesh, snapshot)
  let frames = 0
  const hits = 1 + (next() % 3)
  for (let hit = 0; hit < hits; hit++) {
    const head = heads[next() % heads.length]
    const where = next() % 8
    if (where === 0)
      change(control + (([LaneControl.write, LaneControl.acked, LaneControl.ackedCount] as const)[next() % 3] << 2))
    else if (where < 4 || (headersOnly && where < 6)) change(head)
    else if (headersOnly) change(head + 4)
    else change(head + 4 + (next() % 16) * 4)
    if (where !== 0) frames++
  }
  const damaged: Beside = new Map(beside)
  if (next() % 3 === 0) {
    const [number, buffers] = [...beside][next() % beside.size]
    const whole = buffers[0]
    damaged.set(
      number,
      [[], [whole.slice(0, next() % (whole.byteLength + 1))], [whole, whole], [new ArrayBuffer(next() % 40)]][
        next() & 3
      ]
    )
  }
  return {
    apply: (bytes) => {
      const target = new DataView(bytes.buffer)
      for (const [at, value] of writes) target.setInt32(at, value, true)
    },
    beside: damaged,
    frames,
    headersOnly:
      headersOnly &&
      frames === hits &&
      damaged.size === beside.size &&
      [...damaged].every(([n, b]) => beside.get(n) === b)
  }
}

/** Byte offsets of the headers of all frames, and of the payloads of those that stand for bytes beside the ring. */
const headsOf = (mesh: Mesh, snapshot: Uint8Array): ReadonlyArray<number> => {
  const words = new Int32Array(snapshot.buffer)
  const control = laneControlIndex(1, receivers, column)
  const data = laneDataOffset(1, receivers, mesh.laneBytes, column)
  const heads: Array<number> = []
  for (let at = words[control + LaneControl.acked]; ((words[control + LaneControl.write] - at) | 0) > 0;) {
    const offset = data + ((at << 3) & (mesh.laneBytes - 1))
    const head = words[offset >> 2]
    heads.push(offset)
    if ((head & 15) === (Kind.Beside | attached)) heads.push(offset + 8)
    at = (at + unitsOf(head >>> 4)) | 0
  }
  return heads
}

type Outcome = { readonly message: Message } | { readonly fault: "ring" | "codec" | "lost"; readonly offset: number }

/** Reads until the lane is empty or broken. The frames that can come of a lane are fewer than its units. */
const readAll = ({ mesh, snapshot }: Prepared, damage: Damage, around: number): ReadonlyArray<Outcome> => {
  const bytes = mesh.memory.u8
  bytes.set(snapshot)
  const data = laneDataOffset(1, receivers, laneBytes, 0)
  bytes.fill(around, data, data + laneBytes * column)
  bytes.fill(around, data + laneBytes * (column + 1))
  damage.apply(bytes)
  const outcomes: Array<Outcome> = []
  let reader: FrameReader | undefined
  for (let turns = 0; ; turns++) {
    if (turns > laneBytes) assert.fail("the lane does not end")
    try {
      reader ??= new FrameReader(ReceiverPort.attach(mesh, column, 7))
      Reflect.set(reader, "inboxes", [
        { request: (number: number) => damage.beside.get(number) ?? "lost", drop: () => {} }
      ])
      if (reader.next() === Kind.Empty) return outcomes
      outcomes.push({ message: reader.read(codec) })
      reader.advance()
    } catch (cause) {
      if (cause instanceof RingFault) {
        outcomes.push({ fault: "ring", offset: cause.offset })
        return outcomes
      }
      if (cause instanceof CodecError) outcomes.push({ fault: "codec", offset: cause.offset })
      else if (cause instanceof LostPayload) outcomes.push({ fault: "lost", offset: 0 })
      else throw cause
      reader!.advance()
    }
  }
}

const textOf = (outcome: Outcome): string =>
  "message" in outcome
    ? `${outcome.message.id} ${outcome.message.text} ${outcome.message.bytes.length} ${outcome.message.bytes[0]} ${outcome.message.bytes.at(-1)}`
    : `${outcome.fault} ${outcome.offset}`

describe("a damaged lane", () => {
  it(`ends in typed failures or messages, ${framesToDamage} frames`, { timeout: 120_000 }, () => {
    const counts = { frames: 0, messages: 0, ring: 0, codec: 0, lost: 0 }
    for (let seed = 1; counts.frames < framesToDamage; seed++) {
      const prepared = prepare(seed)
      const sent = new Set(prepared.sent.map((message) => textOf({ message })))
      const next = random(seed * 7919)
      assert.deepStrictEqual(
        readAll(prepared, { apply: () => {}, beside: prepared.beside, frames: 0, headersOnly: true }, 0).map(textOf),
        [...sent]
      )
      for (let round = 0; round < 1000; round++) {
        const damage = damageTo(prepared, next)
        const outcomes = readAll(prepared, damage, 0)
        const again = readAll(prepared, damage, 0xff)
        const name = `seed ${seed}, round ${round}`
        if (outcomes.length !== again.length) assert.fail(`${name} reads outside of its lane`)
        outcomes.forEach((outcome, i) => {
          const text = textOf(outcome)
          if (text !== textOf(again[i])) assert.fail(`${name} reads outside of its lane: ${text}`)
          if ("message" in outcome) {
            counts.messages++
            if (damage.headersOnly && !sent.has(text)) assert.fail(`${name}: ${text} was not sent`)
          } else {
            counts[outcome.fault]++
            if (outcome.fault === "ring" && outcome.offset < 0) assert.fail(`${name} does not say where`)
          }
        })
        counts.frames += damage.frames
      }
    }
    console.log(counts)
    for (const count of Object.values(counts)) assert.isAbove(count, 1000)
  })
})
