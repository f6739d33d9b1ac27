import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import type * as Schema from "effect/Schema"
import { fingerprintOf } from "../../src/codec/format.ts"
import { compile } from "../../src/codec/compile.ts"
import { roundTrip } from "./guarded.ts"
import { foreign, native, schemas } from "./schemas.ts"

/** SchemaBinary writes UTF-8, which has no lone surrogates. */
const isWellFormed = (value: unknown): boolean => {
  if (typeof value === "string") return value.isWellFormed()
  if (typeof value !== "object" || value === null) return true
  return Object.entries(value).every(([key, inner]) => key.isWellFormed() && isWellFormed(inner))
}

describe.each([
  ["generated", true],
  ["interpreted", false]
] as const)("%s codecs give back what they were given", (_, generated) => {
  for (const [name, schema] of Object.entries(native)) {
    const codec = compile(schema.ast, generated)
    it.prop(name, [schema], ([value]) => roundTrip(codec, value), { arbitrary: { runs: 200 } })
  }
  for (const [name, schema] of Object.entries(foreign)) {
    const codec = compile(schema.ast, generated)
    const wellFormed = Arbitrary.filter(Arbitrary.schema<Schema.Constraint>(schema), isWellFormed)
    it.prop(`${name}, through SchemaBinary`, [wellFormed], ([value]) => roundTrip(codec, value), {
      arbitrary: { runs: 100 }
    })
  }
})

describe("the two programs", () => {
  for (const [name, schema] of Object.entries(schemas)) {
    const one = compile(schema.ast, true)
    const other = compile(schema.ast, false)
    it(`${name}: agree on the layout`, () => {
      assert.deepStrictEqual(one.fingerprint, other.fingerprint)
      assert.deepStrictEqual(one.fingerprint, fingerprintOf(one.layout))
      assert.strictEqual(one.fixedSize, other.fixedSize)
    })
  }

  it("no two schemas share a fingerprint", () => {
    const layouts = new Map(Object.values(schemas).map((schema) => [compile(schema.ast).layout, schema]))
    const prints = new Set([...layouts.values()].map((schema) => compile(schema.ast).fingerprint.join()))
    assert.strictEqual(prints.size, layouts.size)
  })
})
