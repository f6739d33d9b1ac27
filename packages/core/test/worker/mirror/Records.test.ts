import { assert, describe, it } from "@effect/vitest"
import { RingFault } from "../../../src/ring/RingFault.ts"
import * as Records from "../../../src/worker/mirror/Records.ts"

const payload = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 7 + length) & 255)

const join = (records: ReadonlyArray<Uint8Array>) => Uint8Array.from(records.flatMap((record) => [...record]))

const sent = [0, 1, 16, 0, 100, 8, 33].map((length, i) => ({
  kind: i % 4,
  lane: i * 5,
  a: i - 3,
  b: 2 ** 30 + i,
  length
}))
const stream = join(sent.map(({ a, b, kind, lane, length }) => Records.of(kind, lane, a, b, payload(length))))

describe("Records", () => {
  it("finds every record, however the stream is cut", () => {
    for (let size = 1; size <= stream.length; size++) {
      const found: Array<unknown> = []
      const reader = new Records.RecordReader((kind, lane, a, b, bytes) => {
        assert.deepStrictEqual([...bytes], [...payload(bytes.length)], `pieces of ${size}`)
        found.push({ kind, lane, a, b, length: bytes.length })
      })
      for (let at = 0; at < stream.length; at += size) reader.push(stream.subarray(at, at + size))
      assert.deepStrictEqual(found, sent, `pieces of ${size}`)
    }
  })

  it("refuses a record of impossible length", () => {
    const record = Records.make(0, 0, 0, 0, 0)
    new Int32Array(record.buffer)[0] = -1
    const reader = new Records.RecordReader(() => {})
    assert.throws(() => reader.push(record), RingFault)
  })
})
