import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import { execFileSync } from "node:child_process"
import * as Codec from "../../src/codec/Codec.ts"
import { compile } from "../../src/codec/compile.ts"
import { PoolFull, SendError, SharedNothingError } from "../../src/errors/Errors.ts"
import { ByteMemory } from "../../src/ring/ByteMemory.ts"
import { roundTrip } from "./guarded.ts"
import { Broken } from "./schemas.ts"

const Text = Schema.String
const programs = [
  ["generated", true],
  ["interpreted", false]
] as const

const failure = (thunk: () => unknown): Codec.CodecError => {
  try {
    thunk()
  } catch (error) {
    if (error instanceof Codec.CodecError) return error
    throw error
  }
  throw new Error("no CodecError")
}

describe("Codec.make", () => {
  it("compiles a schema once", () => {
    assert.strictEqual(Codec.make(Text), Codec.make(Text))
  })

  it("refuses a schema without an encoding, naming the field", () => {
    const Opaque = Schema.declare((value): value is WeakMap<object, object> => value instanceof WeakMap)
    const error = failure(() => Codec.make(Schema.Struct({ inner: Schema.Struct({ cache: Opaque }) })))
    assert.strictEqual(error.path, "$.inner.cache")
    assert.include(error.detail, "no encoding")
  })

  it("fails at the value, typed, where a transformation is asynchronous", () => {
    const Slow = Schema.String.pipe(
      Schema.decodeTo(Schema.String, {
        decode: SchemaGetter.transformEffect((text: string) => Effect.promise(async () => text)),
        encode: SchemaGetter.transformEffect((text: string) => Effect.promise(async () => text))
      })
    )
    const codec = Codec.make(Schema.Struct({ slow: Slow }))
    assert.strictEqual(failure(() => Codec.encode(codec, { slow: "x" })).path, "$.slow")
  })

  it("knows the size when there is only one", () => {
    assert.strictEqual(
      Codec.make(Schema.Struct({ a: Schema.Number, b: Schema.Boolean, c: Schema.Boolean })).fixedSize,
      9
    )
    assert.strictEqual(Codec.make(Schema.Struct({ a: Schema.NullOr(Schema.Number) })).fixedSize, 9)
    assert.strictEqual(Codec.make(Text).fixedSize, undefined)
  })

  it("prints its layout", () => {
    const codec = Codec.make(
      Schema.Struct({
        on: Schema.Boolean,
        small: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 500 })),
        items: Schema.Array(Schema.Struct({ name: Schema.optionalKey(Schema.String) })),
        at: Schema.Number
      })
    )
    assert.deepStrictEqual(Codec.format(codec).split("\n"), [
      "$  cell of 15 bytes, aligned to 8",
      "$.on  bit  14.0",
      "$.small  u16 (an integer from 0 to 500)  12",
      "$.items  array  8, variable",
      "$.items[]  cell of 5 bytes, aligned to 4",
      "$.items[].name?  bit  4.0",
      "$.items[].name  string  0, variable",
      "$.at  f64 (a number)  0"
    ])
  })

  it("gives other schemas other fingerprints", () => {
    const print = (schema: Schema.Constraint): string => compile(schema.ast).fingerprint.join()
    assert.strictEqual(print(Schema.Struct({ a: Text })), print(Schema.Struct({ a: Text })))
    assert.notStrictEqual(print(Schema.Struct({ a: Text })), print(Schema.Struct({ b: Text })))
    assert.notStrictEqual(print(Schema.Literals(["a", "b"])), print(Schema.Literals(["b", "a"])))
    assert.notStrictEqual(print(Schema.Option(Text)), print(Schema.Option(Schema.Number)))
  })
})

describe.each(programs)("%s", (_, generated) => {
  const make = <A, E>(schema: Schema.ConstraintCodec<A, E>): Codec.Codec<A> =>
    compile(schema.ast, generated) as Codec.Codec<unknown> as Codec.Codec<A>
  const unchecked = (schema: Schema.Constraint): Codec.Codec<unknown> => compile(schema.ast, generated)

  it("carries every double", () => {
    const codec = make(Schema.Number)
    for (const x of [0, -0, 1, NaN, Infinity, -Infinity, 5e-324, -5e-324, 2 ** 53, Number.MAX_VALUE, Math.PI]) {
      roundTrip(codec, x)
    }
  })

  it.each([
    [-0x80, 0x7f, 1],
    [0, 0xff, 1],
    [-0x8000, 0x7fff, 2],
    [0, 0xffff, 2],
    [-0x80000000, 0x7fffffff, 4],
    [0, 0xffffffff, 4],
    [-5, 0xffffffff, 8]
  ])("writes integers from %d to %d in %d bytes, and no others", (minimum, maximum, bytes) => {
    const codec = make(Schema.Int.check(Schema.isBetween({ minimum, maximum })))
    assert.strictEqual(codec.fixedSize, bytes)
    for (const x of [minimum, maximum, minimum + 1, maximum - 1, Math.max(0, minimum)]) roundTrip(codec, x)
    for (const x of [minimum - 1, maximum + 1, 0.5, NaN, Infinity]) {
      assert.include(failure(() => Codec.encode(codec, x)).detail, "an integer from")
    }
  })

  it("takes only safe integers for integers", () => {
    const codec = unchecked(Schema.Int)
    for (const x of [2 ** 53 - 1, -(2 ** 53) + 1, 0, -0]) roundTrip(codec, x)
    for (const x of [2 ** 53, 0.5, NaN, -Infinity]) failure(() => Codec.encode(codec, x))
    assert.include(failure(() => Codec.encode(codec, "5")).detail, 'an integer, got "5"')
  })

  it("takes exclusive limits for what they are", () => {
    const range = { minimum: 0, maximum: 10, exclusiveMinimum: true, exclusiveMaximum: true }
    for (const schema of [
      Schema.Int.check(Schema.isBetween(range)),
      Schema.Int.check(Schema.isGreaterThan(0), Schema.isLessThan(10)),
      Schema.Int.check(Schema.isGreaterThanOrEqualTo(0.5), Schema.isLessThanOrEqualTo(9.5))
    ]) {
      const codec = make(schema)
      for (const x of [1, 9]) roundTrip(codec, x)
      for (const x of [0, 10]) failure(() => Codec.encode(codec, x))
    }
  })

  it("tests on read what the width leaves open", () => {
    const wide = make(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 200 })))
    const narrow = make(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100 })))
    assert.strictEqual(failure(() => Codec.decode(narrow, Codec.encode(wide, 150))).offset, 0)
    const number = Codec.encode(make(Schema.Number), 0.5)
    assert.include(failure(() => Codec.decode(make(Schema.Int), number)).detail, "an integer")
  })

  it("carries strings of every length and alphabet", () => {
    const codec = make(Schema.Struct({ before: Text, text: Text, after: Text }))
    const alphabets = ["a", "é", "ÿĀ", "日本", "😀", "\ud800", "x\udfff", "\uFEFFa", "\0"]
    for (const letters of alphabets) {
      for (let length = 0; length < 130; length++) {
        const text = letters.repeat(length).slice(0, length)
        roundTrip(codec, { before: text, text: `a${text}`, after: `${text}b` })
      }
      roundTrip(codec, { before: "", text: letters.repeat(70_000), after: "end" })
    }
  })

  it("keeps interned strings apart", () => {
    const codec = make(Text)
    for (let i = 0; i < 50_000; i++) {
      const key = `k${i}`
      assert.strictEqual(Codec.decode(codec, Codec.encode(codec, key)), key)
    }
    for (const key of ["ab", "ab\0", "ab\0\0", "abcd", "abcd\0", "\0", "\0\0"]) {
      for (let twice = 0; twice < 2; twice++) assert.strictEqual(Codec.decode(codec, Codec.encode(codec, key)), key)
    }
  })

  it("carries bigints around 64 bits and far beyond", () => {
    const codec = make(Schema.BigInt)
    for (const bits of [0n, 1n, 8n, 63n, 64n, 65n, 128n, 5000n]) {
      for (const near of [-1n, 0n, 1n]) {
        roundTrip(codec, (1n << bits) + near)
        roundTrip(codec, -(1n << bits) + near)
      }
    }
  })

  it("names the place of a bad value", () => {
    const schema = Schema.Struct({
      items: Schema.Array(Schema.Struct({ "odd name": Schema.Array(Schema.Tuple([Schema.Int, Text])) })),
      move: Schema.Union([Schema.TaggedStruct("A", { n: Schema.Int }), Schema.TaggedStruct("B", {})])
    })
    const codec = unchecked(schema)
    const move = { _tag: "B" }
    const rows = (bad: unknown) => ({ items: [{ "odd name": [] }, { "odd name": [[1, "x"], bad] }], move })
    const path = (value: unknown): string => failure(() => Codec.encode(codec, value)).path
    assert.strictEqual(path(rows([1, 2])), '$.items[1]["odd name"][1][1]')
    assert.strictEqual(path(rows([1])), '$.items[1]["odd name"][1]')
    assert.strictEqual(path({ items: [], move: { _tag: "C" } }), "$.move._tag")
    assert.strictEqual(path({ items: [], move: { _tag: "A", n: 1.5 } }), "$.move.n")
    assert.strictEqual(path({ items: {}, move }), "$.items")
    assert.strictEqual(path(null), "$")
    assert.strictEqual(
      failure(() => Codec.encode(codec, { items: [], move: null })).message,
      "$.move: expected an object, got null"
    )
  })

  it("names the place of a bad byte", () => {
    const codec = make(
      Schema.Struct({ items: Schema.Array(Schema.Struct({ on: Schema.Literals(["a", "b"]), text: Text })) })
    )
    const bytes = Codec.encode(codec, {
      items: [
        { on: "a", text: "x" },
        { on: "b", text: "y" }
      ]
    })
    const at = bytes.lastIndexOf("y".charCodeAt(0)) - 1
    assert.strictEqual(bytes[at], 1)
    bytes[at] = 9
    const error = failure(() => Codec.decode(codec, bytes))
    assert.deepStrictEqual([error.path, error.offset], ["$.items[1].on", at])
    assert.strictEqual(failure(() => Codec.decode(codec, new Uint8Array(0))).path, "$")
    const one = Codec.encode(make(Schema.Boolean), true)
    assert.include(failure(() => Codec.decode(make(Schema.Boolean), new Uint8Array([...one, 0]))).detail, "too many")
  })

  it("refuses a count that the bytes cannot hold before it allocates", () => {
    const codec = make(Schema.Array(Schema.Array(Schema.Literal("only"))))
    const bytes = new Uint8Array(64)
    new Int32Array(bytes.buffer)[0] = 0x7fffffff
    assert.include(failure(() => Codec.decode(codec, bytes)).detail, "more elements than bytes")
  })

  it("runs the schema's own checks both ways", () => {
    const short = make(Text.check(Schema.isMaxLength(3)))
    assert.include(failure(() => Codec.encode(short, "long")).detail, "expected")
    assert.include(failure(() => Codec.decode(short, Codec.encode(make(Text), "long"))).detail, "expected")
    const pair = Schema.Struct({ low: Schema.Int, high: Schema.Int })
    const ordered = make(pair.check(Schema.makeFilter(({ high, low }) => low <= high)))
    roundTrip(ordered, { low: 1, high: 2 })
    assert.strictEqual(failure(() => Codec.encode(ordered, { low: 2, high: 1 })).path, "$")
  })

  it("tells an absent key from undefined, and own fields from inherited ones", () => {
    const codec = make(Schema.Struct({ a: Schema.optional(Schema.Int), b: Schema.optionalKey(Schema.Int) }))
    for (const value of [{}, { a: undefined }, { a: 1 }, { a: undefined, b: 2 }]) roundTrip(codec, value)
    assert.strictEqual(
      failure(() => Codec.encode(unchecked(Schema.Struct({ b: Schema.optionalKey(Schema.Int) })), { b: undefined }))
        .path,
      "$.b"
    )
    const inherited = make(Schema.Struct({ valueOf: Schema.optionalKey(Text), constructor: Schema.optionalKey(Text) }))
    const back = Codec.decode(inherited, Codec.encode(inherited, Object.create(Object.prototype)))
    assert.deepStrictEqual(Object.keys(back), [])
  })

  it("takes __proto__ for a field like any other", () => {
    const codec = unchecked(Schema.Struct({ ["__proto__"]: Schema.Struct({ evil: Schema.Boolean }), b: Schema.Int }))
    const value: unknown = JSON.parse('{"__proto__":{"evil":true},"b":1}')
    const back = Codec.decode(codec, Codec.encode(codec, value))
    assert.strictEqual(Object.getPrototypeOf(back), Object.prototype)
    assert.strictEqual(JSON.stringify(back), '{"__proto__":{"evil":true},"b":1}')
    assert.include(failure(() => Codec.encode(codec, { b: 1 })).path, "__proto__")
  })

  it("builds classes, and refuses what only looks like one", () => {
    const codec = make(Broken)
    const back = Codec.decode(codec, Codec.encode(codec, new Broken({ reason: "Lost", attempts: 3 })))
    assert.instanceOf(back, Broken)
    assert.instanceOf(back, Error)
    assert.deepStrictEqual([back._tag, back.reason, back.attempts], ["Broken", "Lost", 3])
    const error = failure(() => Codec.encode(unchecked(Broken), { _tag: "Broken", reason: "Lost", attempts: 3 }))
    assert.include(error.detail, "a Broken")
  })

  it("carries the framework's own errors", () => {
    const codec = make(SharedNothingError)
    const cause = new TypeError("inner")
    const sent = new SendError({ channel: "c", reason: "Closed", detail: "d", unsent: [1, { a: "x" }], cause })
    const back = Codec.decode(codec, Codec.encode(codec, sent))
    assert.instanceOf(back, SendError)
    assert.deepStrictEqual([back.message, back.unsent], [sent.message, sent.unsent])
    assert.instanceOf(back.cause, Error)
    assert.strictEqual((back.cause as Error).message, "inner")
    const plain = new PoolFull({ pool: "p", capacity: 3, unsent: [] })
    assert.instanceOf(Codec.decode(codec, Codec.encode(codec, plain)), PoolFull)
  })

  it("bounds every value, also one that does not fit", () => {
    const schema = Schema.Struct({
      text: Text,
      rows: Schema.Array(Schema.Struct({ name: Text, inner: Schema.NullOr(Schema.Tuple([Text, Schema.BigInt])) })),
      move: Schema.Union([Schema.TaggedStruct("A", { n: Text }), Schema.TaggedStruct("B", {})]),
      bytes: Schema.optionalKey(Schema.Uint8Array),
      map: Schema.Record(Text, Schema.Int)
    })
    const codec = unchecked(schema)
    const bad = [
      null,
      undefined,
      5,
      "x",
      [],
      {},
      { text: 5, rows: {}, move: 1, bytes: "x", map: 3 },
      { rows: [null, 1, { inner: 3 }] },
      { rows: [{ inner: [1] }], move: { _tag: "A" } }
    ]
    for (const value of bad) {
      assert.isAtLeast(codec.bound(value), 0)
      failure(() => codec.write(new ByteMemory(new ArrayBuffer(4096)), 0, value))
    }
  })

  it("writes what was measured last, whether it was measured twice, in vain, or not at all", () => {
    const codec = make(Schema.Array(Schema.Record(Text, Schema.Int)))
    const memory = new ByteMemory(new ArrayBuffer(4096))
    const written = (value: ReadonlyArray<Record<string, number>>): unknown =>
      codec.read(memory, 0, codec.write(memory, 0, value))
    const row = { x: 1 }
    assert.deepStrictEqual(written([row]), [{ x: 1 }])
    codec.bound([row, row])
    row.x = 2
    codec.bound([row, row])
    assert.deepStrictEqual(written([row, row]), [{ x: 2 }, { x: 2 }])
    codec.bound([{ z: 9 }])
    assert.deepStrictEqual(written([{ y: 3 }]), [{ y: 3 }])
  })

  describe("attachments", () => {
    const schema = Schema.Struct({ first: Schema.Uint8Array, n: Schema.Int, second: Schema.Uint8Array })

    it("copies bytes that are not marked", () => {
      const codec = make(schema)
      assert.isTrue(codec.mayAttach)
      assert.isFalse(make(Schema.Struct({ n: Schema.Int, text: Text })).mayAttach)
      roundTrip(codec, { first: new Uint8Array([1, 2, 3]), n: 1, second: new Uint8Array(0) })
    })

    it("moves whole buffers, each once, and counts nothing for them", () => {
      const codec = make(schema)
      const memory = new ByteMemory(new SharedArrayBuffer(64))
      const bytes = Codec.moved(new Uint8Array(100_000).fill(7))
      const again = Codec.moved(new Uint8Array(bytes.buffer))
      const value = { first: bytes, n: 1, second: again }
      assert.isAtMost(codec.bound(value), 16)
      const end = codec.write(memory, 0, value)
      assert.deepStrictEqual(memory.attachments, [bytes.buffer])
      const back = codec.read(memory, 0, end)
      assert.strictEqual(back.first.buffer, bytes.buffer)
      assert.strictEqual(back.second.byteLength, 100_000)
      for (const others of [[], [new SharedArrayBuffer(8)]]) {
        memory.attachments = others
        assert.strictEqual(failure(() => codec.read(memory, 0, end)).path, "$.first")
      }
    })

    it("refuses bytes that were moved away before", () => {
      for (const mark of [Codec.moved, (bytes: Uint8Array) => bytes]) {
        const bytes = mark(new Uint8Array(16))
        structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] })
        const value = { first: new Uint8Array(0), n: 1, second: bytes }
        const error = failure(() => make(schema).write(new ByteMemory(new ArrayBuffer(64)), 0, value))
        assert.strictEqual(error.path, "$.second")
        assert.include(error.detail, "bytes that were not moved away")
      }
    })

    it("copies marked views of parts and of shared memory", () => {
      const codec = make(schema)
      const part = Codec.moved(new Uint8Array(new ArrayBuffer(64), 8, 16).fill(3))
      const shared = Codec.moved(new Uint8Array(new SharedArrayBuffer(8)).fill(4))
      const memory = new ByteMemory(new ArrayBuffer(256))
      const value = { first: part, n: 1, second: shared }
      assert.isAtLeast(codec.bound(value), 16 + 24)
      const back = codec.read(memory, 0, codec.write(memory, 0, value))
      assert.strictEqual(memory.attachments.length, 0)
      assert.deepStrictEqual([...back.first, ...back.second], [...part, ...shared])
    })

    it("attaches shared memory, and nothing but it", () => {
      const codec = make(Schema.Struct({ memory: Codec.SharedMemory, on: Schema.Boolean }))
      const memory = new ByteMemory(new ArrayBuffer(64))
      const shared = new SharedArrayBuffer(8)
      const end = codec.write(memory, 0, { memory: shared, on: true })
      assert.strictEqual(codec.read(memory, 0, end).memory, shared)
      memory.attachments = [new ArrayBuffer(8)]
      assert.strictEqual(failure(() => codec.read(memory, 0, end)).path, "$.memory")
      memory.i32[0] = -1
      assert.strictEqual(failure(() => codec.read(memory, 0, end)).path, "$.memory")
      assert.strictEqual(failure(() => Codec.encode(codec, { memory: shared, on: true })).path, "$")
    })

    it("leaves nothing attached when the value is refused", () => {
      const memory = new ByteMemory(new ArrayBuffer(256))
      const first = Codec.moved(new Uint8Array(16))
      const earlier = new ArrayBuffer(1)
      memory.attachments.push(earlier)
      failure(() => unchecked(schema).write(memory, 0, { first, n: 0.5, second: new Uint8Array(1) }))
      assert.deepStrictEqual(memory.attachments, [earlier])
    })
  })
})

describe("where text may not become code", () => {
  it("works all the same", () => {
    const script = `
      import * as Schema from "effect/Schema"
      import * as Codec from ${JSON.stringify(new URL("../../src/codec/Codec.ts", import.meta.url).href)}
      import { canGenerate } from ${JSON.stringify(new URL("../../src/codec/generate.ts", import.meta.url).href)}
      const codec = Codec.make(Schema.Struct({ id: Schema.Int, key: Schema.String, tags: Schema.Array(Schema.String) }))
      const value = { id: 7, key: "k", tags: ["a", "ü"] }
      console.log(JSON.stringify([canGenerate, Codec.decode(codec, Codec.encode(codec, value))]))`
    const out = execFileSync(
      process.execPath,
      ["--disallow-code-generation-from-strings", "--input-type=module", "--eval", script],
      { cwd: new URL("../..", import.meta.url), encoding: "utf8" }
    )
    assert.deepStrictEqual(JSON.parse(out), [false, { id: 7, key: "k", tags: ["a", "ü"] }])
  })
})
