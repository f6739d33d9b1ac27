import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import { CodecError } from "../../src/codec/Codec.ts"
import { compile } from "../../src/codec/compile.ts"
import { ByteMemory } from "../../src/ring/ByteMemory.ts"
import { type Decoder, type Encoder, readRun, Run, writeRun } from "../../src/ring/Run.ts"
import { same } from "./guarded.ts"
import { native } from "./schemas.ts"

const capacity = 512
const dataUnit = 8
const kind = 2

/** Where a byte is damaged, by what, and whether at all. */
const damage = Schema.Tuple([
  Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: capacity * 8 - 1 })),
  Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 })),
  Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 }))
])

const lane = (): Run => {
  const run = new Run(new ByteMemory(new SharedArrayBuffer((dataUnit + capacity) * 8)), dataUnit, capacity)
  run.end = capacity
  return run
}

/** How far a run came, and what it threw. */
const outcome = (run: Run, f: () => number): unknown => {
  let end: unknown
  try {
    end = f()
  } catch (error) {
    if (!(error instanceof CodecError)) throw error
    end = [error.path, error.message, error.offset]
  }
  return [end, run.position, run.sequence]
}

const bytesOf = (run: Run): ReadonlyArray<number> => [...run.memory.u8]

/** Reads what lies in a lane up to its run's position, as often as a frame can be passed. */
const reader = (run: Run, from: Run): void => {
  run.position = 0
  run.sequence = 0
  run.end = from.position
}

describe("runs of a codec do what runs with its functions do", () => {
  for (const [name, schema] of Object.entries(native)) {
    const codec = compile(schema.ast, true)
    const { readRun: own, writeRun: ownWrite } = codec
    if (own === undefined) throw new Error(`${name} has no run to read with`)
    const decoder: Decoder<unknown> = { read: codec.read }
    const encoder: Encoder<unknown> = { fixedSize: codec.fixedSize, bound: codec.bound, write: codec.write }
    const messages = Arbitrary.array(Arbitrary.schema(schema as never), { maxLength: 20 }) as Arbitrary.Arbitrary<
      ReadonlyArray<unknown>
    >
    it.prop(
      name,
      [messages, damage],
      ([values, [at, byte, turns]]) => {
        const plain = lane()
        const written = outcome(plain, () => writeRun(encoder, plain, kind, values, 0, values.length))
        if (plain.memory.attachments.length > 0) return
        if (ownWrite !== undefined) {
          const run = lane()
          assert.deepStrictEqual(
            outcome(run, () => ownWrite(run, kind, values, 0, values.length)),
            written
          )
          // A value that was refused may have left bytes behind where nothing is published.
          if (typeof (written as ReadonlyArray<unknown>)[0] === "number") {
            assert.deepStrictEqual(bytesOf(run), bytesOf(plain))
          }
        }
        // Undamaged in one of four cases.
        if (turns > 0) plain.memory.u8[dataUnit * 8 + at] ^= byte
        const [expected, actual] = [lane(), lane()].map((run, i) => {
          run.memory.u8.set(plain.memory.u8)
          reader(run, plain)
          const out: Array<unknown> = []
          const end = outcome(run, () =>
            i === 0 ? readRun(decoder, run, kind, out, 0, values.length) : own(run, kind, out, 0, values.length)
          )
          return { out, end, run }
        })
        // Where all are of one length, a frame of another is left to the lane, which refuses it.
        const [reached] = expected.end as ReadonlyArray<unknown>
        if (codec.fixedSize !== undefined && typeof reached !== "number" && actual.out.length === expected.out.length) {
          const head = expected.run.memory.i32[(dataUnit + (expected.run.position & (capacity - 1))) << 1]
          if (head >>> 4 !== codec.fixedSize) {
            assert.strictEqual(actual.run.position, expected.run.position)
            return
          }
        }
        assert.deepStrictEqual(actual.end, expected.end)
        assert.isTrue(same(actual.out, expected.out))
      },
      { arbitrary: { runs: 150 } }
    )
  }
})
