/** What travels between stages, and how it is cut to fit a lane. */
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { FrameReader } from "../../src/channel/FrameReader.ts"
import type { SenderHandle } from "../../src/channel/Handle.ts"
import * as Codec from "../../src/codec/Codec.ts"
import type { AnySchema } from "../../src/pipeline/Graph.ts"
import type { Edge } from "../../src/pipeline/plan/Plan.ts"
import * as Frame from "../../src/pipeline/runtime/Frame.ts"
import { Uplink } from "../../src/pipeline/runtime/Uplink.ts"
import { Kind } from "../../src/ring/Frame.ts"
import { Mesh } from "../../src/ring/Mesh.ts"
import { ReceiverPort } from "../../src/ring/ReceiverPort.ts"
import { SenderPort } from "../../src/ring/SenderPort.ts"

class Bid extends Schema.Class<Bid>("Bid")({
  kind: Schema.Literal("Bid"),
  price: Schema.Int,
  at: Schema.DateFromString
}) {
  get double(): number {
    return 2 * this.price
  }
}
class Ask extends Schema.TaggedClass<Ask>()("Ask", { price: Schema.Int }) {}
const Note = Schema.Struct({ kind: Schema.Literal("Note"), text: Schema.String })
const Tagged = Schema.Struct({ _tag: Schema.Literal("Note"), text: Schema.String })

const data = (values: ReadonlyArray<unknown>): Frame.Data => ({
  _tag: "Data0",
  from: 1,
  times: values.map((_, at) => at),
  values
})

const erased = (schema: unknown): AnySchema => schema as AnySchema
const there = (schema: AnySchema, values: ReadonlyArray<unknown>) => {
  const codec = Frame.codec([schema])
  return (Codec.decode(codec, Codec.encode(codec, data(values))) as Frame.Data).values
}

describe("a frame", () => {
  const bid = new Bid({ kind: "Bid", price: 5, at: new Date(7) })

  it("carries instances of classes, alone and among others", () => {
    for (const schema of [Bid, Schema.Union([Bid, Note])]) {
      const [first] = there(erased(schema), [bid]) as [Bid]
      assert.instanceOf(first, Bid)
      assert.deepStrictEqual([first.double, first.at], [10, new Date(7)])
    }
    const mixed = [new Ask({ price: 1 }), { _tag: "Note", text: "a" }, new Ask({ price: 2 })]
    assert.deepStrictEqual(there(erased(Schema.Union([Ask, Tagged])), mixed), mixed)
    // Nothing tells these apart but their types.
    const odd = Schema.Union([Schema.String, Schema.Union([Ask, Schema.Null])])
    assert.deepStrictEqual(there(erased(odd), ["text", null, mixed[0]]), ["text", null, mixed[0]])
  })

  it("takes for them what it takes for structs", () => {
    const Struct = Schema.Struct({ _tag: Schema.Literal("Ask"), price: Schema.Int })
    const sizeOf = (schema: unknown, ask: unknown) =>
      Codec.encode(Frame.codec([erased(schema)]), data([ask, { _tag: "Note", text: "a" }])).length
    assert.strictEqual(
      sizeOf(Schema.Union([Ask, Tagged]), new Ask({ price: 1 })),
      sizeOf(Schema.Union([Struct, Tagged]), { _tag: "Ask", price: 1 })
    )
  })

  it("refuses what is no instance, and what does not fit its fields", () => {
    for (const schema of [erased(Ask), erased(Schema.Union([Ask, Tagged]))]) {
      assert.throws(() => there(schema, [{ _tag: "Ask", price: 1 }]), Codec.CodecError)
      assert.throws(() => there(schema, [Object.assign(new Ask({ price: 1 }), { price: 1.5 })]), Codec.CodecError)
    }
  })

  it("does not transform elements", () => {
    const at = new Date(5)
    assert.deepStrictEqual(there(erased(Schema.Union([Schema.DateFromString, Schema.Null])), [at, null]), [at, null])
  })
})

describe("a frame that is too large for its lane", () => {
  const laneBytes = 8192
  const Blob = Schema.Struct({ id: Schema.Int, bytes: Schema.Uint8Array })

  /** Writes a frame through a lane, and reads what came out of it. */
  const carried = (values: ReadonlyArray<typeof Blob.Type>) => {
    const mesh = Mesh.make({
      senders: 1,
      receivers: 1,
      laneBytes,
      laneMessages: 0,
      fingerprint: [0, 0],
      awaitSuccessor: false
    })
    mesh.reserve("sender")
    mesh.reserve("receiver")
    const codec = Frame.codec([erased(Blob)])
    assert.isTrue(codec.mayAttach)
    const handle: SenderHandle<Frame.Frame> = {
      _tag: "SenderHandle",
      channel: "test",
      memory: mesh.memory.buffer as SharedArrayBuffer,
      slot: 0,
      wait: "yield",
      unbounded: false
    }
    const uplink = new Uplink({} as Edge, codec, SenderPort.attach(mesh, 0, 1), handle)
    const reader = new FrameReader(ReceiverPort.attach(mesh, 0, 2))
    const frames: Array<Frame.Frame> = [data(values)]
    const read: Array<Frame.Data> = []
    for (;;) {
      const done = uplink.write(frames)
      uplink.publish()
      for (let kind = reader.next(); kind !== Kind.Empty; kind = reader.next()) {
        read.push(reader.read(codec) as Frame.Data)
        reader.advance()
      }
      reader.port.ack()
      if (done) return read
    }
  }

  it("is halved, also where elements may have buffers beside them", () => {
    const values = Array.from({ length: 64 }, (_, id) => ({ id, bytes: new Uint8Array(500).fill(id) }))
    const read = carried(values)
    // Without it, one frame beside the lane, which dies with the thread that sent it.
    assert.isAtLeast(read.length, (64 * 500) / (laneBytes / 2))
    assert.deepStrictEqual(
      read.flatMap((frame) => frame.values),
      values
    )
    assert.deepStrictEqual(
      read.flatMap(({ times }) => times),
      values.map(({ id }) => id)
    )
  })

  it("is one where its elements fit", () => {
    const values = Array.from({ length: 4 }, (_, id) => ({ id, bytes: new Uint8Array(500) }))
    assert.lengthOf(carried(values), 1)
  })
})
