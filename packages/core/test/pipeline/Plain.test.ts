import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { decode, PlainWriter } from "../../src/pipeline/state/Plain.ts"

const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.integer(),
    fc.double(),
    fc.string({ unit: "binary" }),
    fc.bigInt(),
    fc.boolean(),
    fc.constantFrom(undefined, null, -0, NaN, Infinity, ""),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array(),
    fc.float64Array(),
    fc.array(tie("value")),
    fc.dictionary(fc.string(), tie("value"), { noNullPrototype: true }),
    fc.array(fc.tuple(tie("value"), tie("value"))).map((all) => new Map(all)),
    fc.array(fc.integer()).map((all) => new Set(all)),
    fc.array(fc.record({ a: tie("value"), b: tie("value") }, { requiredKeys: ["a"], noNullPrototype: true }))
  )
})).value

describe("Plain data", () => {
  it("comes back as it went", () => {
    const writer = new PlainWriter()
    fc.assert(
      fc.property(plain, (value) => assert.deepStrictEqual(decode(writer.encode(value)), value)),
      { numRuns: 500 }
    )
  })

  it("goes through many shapes and long texts", () => {
    const writer = new PlainWriter()
    const shapes = Array.from({ length: 200 }, (_, i) => ({ [`field ${i % 90}`]: i, text: "x".repeat(i * 100) + "€" }))
    assert.deepStrictEqual(decode(writer.encode(shapes)), shapes)
  })

  it("refuses classes, functions and cycles, and names them", () => {
    class Account {
      readonly owner = "nobody"
    }
    const writer = new PlainWriter()
    assert.throws(() => writer.encode({ a: [new Account()] }), "a Account is not plain data")
    assert.throws(() => writer.encode(() => 1), "a function is not plain data")
    const loop: Array<unknown> = []
    loop.push(loop)
    assert.throws(() => writer.encode(loop), /nested more than/)
    // What went wrong before leaves nothing behind.
    assert.deepStrictEqual(decode(writer.encode({ a: 1 })), { a: 1 })
  })
})
