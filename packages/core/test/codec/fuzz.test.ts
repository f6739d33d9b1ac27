/**
 * Damaged encodings, read twice: by generated code between zeros, and by closures between ones. The
 * outcomes must be equal, so neither program looks outside its bytes, and an error is a `CodecError`.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import { isDeepStrictEqual } from "node:util"
import { type Codec, CodecError } from "../../src/codec/Codec.ts"
import { compile } from "../../src/codec/compile.ts"
import { ByteMemory } from "../../src/ring/ByteMemory.ts"
import { foreign, schemas } from "./schemas.ts"

const guard = 64
const largest = 4096
/** Frames through SchemaBinary cost ten times as much, and its bytes are Effect's to fuzz. */
const framesNative = 24_000
const framesForeign = 2_000

const random = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return (t ^ (t >>> 14)) >>> 0
}

const interesting = [0, 1, -1, 2, 8, 0x7fffffff, -0x80000000, 0x3fffffff, 0xff, 0x100]

/** Damages `bytes` in place and returns how many of them there are now. */
const damage = (bytes: Uint8Array, length: number, next: () => number): number => {
  for (let hits = 1 + (next() % 3); hits > 0; hits--) {
    const at = length === 0 ? 0 : next() % length
    switch (next() % 6) {
      case 0:
        bytes[at] ^= 1 << (next() & 7)
        break
      case 1:
        bytes[at] = next()
        break
      case 2: {
        const word = interesting[next() % interesting.length]
        for (let i = 0; i < 4 && (at & ~3) + i < length; i++) bytes[(at & ~3) + i] = word >> (8 * i)
        break
      }
      case 3:
        length = next() % (length + 1)
        break
      case 4:
        length = Math.min(largest, length + (next() % 24))
        break
      case 5:
        for (let i = at; i < Math.min(length, at + 8); i++) bytes[i] = next()
        break
    }
  }
  return length
}

type Outcome = { readonly value: unknown } | { readonly error: CodecError }

const attempt = (codec: Codec<unknown>, memory: ByteMemory, end: number): Outcome => {
  try {
    return { value: codec.read(memory, guard, end) }
  } catch (error) {
    if (error instanceof CodecError) return { error }
    throw error
  }
}

const agree = (a: Outcome, b: Outcome): boolean => {
  if ("error" in a && "error" in b) return a.error.message === b.error.message && a.error.offset === b.error.offset
  return isDeepStrictEqual(a, b)
}

const samples = (schema: Schema.Constraint): ReadonlyArray<unknown> =>
  Effect.runSync(Arbitrary.sampleEffect(Arbitrary.schema(schema), { count: 24, seed: 7 }).pipe(Effect.orDie))

describe("a damaged encoding", () => {
  const totals = { frames: 0, rejected: 0, decoded: 0 }
  const { stackTraceLimit } = Error

  for (const [name, schema] of Object.entries(schemas)) {
    it(`${name}: is a value or a CodecError, whatever surrounds it`, () => {
      Error.stackTraceLimit = 0
      const next = random(name.length * 7919 + name.charCodeAt(0))
      const codecs = [compile(schema.ast, true), compile(schema.ast, false)] as const
      const memories = [0x00, 0xff].map((fill) => {
        const memory = new ByteMemory(new SharedArrayBuffer(largest + 2 * guard))
        memory.u8.fill(fill)
        return { memory, fill }
      })
      const source = new ByteMemory(new ArrayBuffer(largest))
      const encodings = samples(schema)
        .filter((value) => codecs[0].bound(value) <= largest)
        .map((value) => source.u8.slice(0, codecs[0].write(source, 0, value)))
      assert.isAbove(encodings.length, 0)
      const frames = name in foreign ? framesForeign : framesNative
      const bytes = new Uint8Array(largest)
      for (let i = 0; i < frames; i++) {
        const encoding = encodings[i % encodings.length]
        bytes.set(encoding)
        const length = damage(bytes, encoding.length, next)
        const [one, other] = memories.map(({ fill, memory }, k) => {
          memory.u8.set(bytes.subarray(0, length), guard)
          memory.u8.fill(fill, guard + length, guard + length + 32)
          return attempt(codecs[k], memory, guard + length)
        })
        if (!agree(one, other)) {
          assert.deepStrictEqual(one, other, `frame ${i}: ${bytes.subarray(0, length).toString()}`)
        }
        totals.frames += 1
        if ("error" in one) totals.rejected += 1
        else totals.decoded += 1
      }
      Error.stackTraceLimit = stackTraceLimit
    })
  }

  it("was tried a million times, and both were seen", () => {
    assert.isAtLeast(totals.frames, 1_000_000)
    assert.isAbove(totals.rejected, totals.frames / 10)
    assert.isAbove(totals.decoded, totals.frames / 10)
    console.log(`${totals.frames} damaged frames: ${totals.rejected} rejected, ${totals.decoded} decoded`)
  })
})
