import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as KeyHash from "../../src/partition/KeyHash.ts"

/** MurmurHash3_x86_32 over bytes, seed 0, written from its description and not from ours. */
const murmur3 = (bytes: Uint8Array): number => {
  const rotate = (x: number, by: number) => (x << by) | (x >>> (32 - by))
  const scramble = (k: number) => Math.imul(rotate(Math.imul(k, 0xcc9e2d51), 15), 0x1b873593)
  let h = 0
  let i = 0
  for (; i + 4 <= bytes.length; i += 4) {
    const k = bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24)
    h = (Math.imul(rotate(h ^ scramble(k), 13), 5) + 0xe6546b64) | 0
  }
  let tail = 0
  for (let j = bytes.length - 1; j >= i; j--) tail = (tail << 8) | bytes[j]
  h ^= scramble(tail) ^ bytes.length
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

const utf16 = (text: string): Uint8Array =>
  Uint8Array.from(Array.from({ length: text.length * 2 }, (_, i) => (text.charCodeAt(i >> 1) >>> ((i & 1) * 8)) & 0xff))

const littleEndian = (bytes: number, write: (view: DataView) => void): Uint8Array => {
  const out = new Uint8Array(bytes)
  write(new DataView(out.buffer))
  return out
}

describe("KeyHash", () => {
  it("agrees with the published test vectors of MurmurHash3", () => {
    assert.strictEqual(murmur3(Uint8Array.of()), 0)
    assert.strictEqual(murmur3(Uint8Array.of(0x21, 0x43, 0x65, 0x87)) >>> 0, 0xf55b516b)
    assert.strictEqual(murmur3(Uint8Array.of(0x21, 0x43, 0x65)) >>> 0, 0x7e4a8634)
    assert.strictEqual(murmur3(Uint8Array.of(0, 0, 0, 0)) >>> 0, 0x2362f9de)
    assert.strictEqual(KeyHash.string(""), 0)
    assert.strictEqual(KeyHash.string("\u4321\u8765") >>> 0, 0xf55b516b)
    assert.strictEqual(KeyHash.string("\u4321") >>> 0, 0xa0f7b07a)
    assert.strictEqual(KeyHash.number(0) >>> 0, 0x2362f9de)
  })

  // State is stored under these values: a change loses it.
  it.each<[KeyHash.HashKey, number]>([
    ["", 0],
    ["a", 1867108634],
    ["key-0", -1088737358],
    ["key-99999", 447640941],
    ["0", 384918240],
    ["99999", -578937712],
    ["JFK", 932521425],
    ["123e4567-e89b-42d3-a456-426614174000", 848365026],
    ["é", 1105794559],
    ["😀", 1443257913],
    [0, 593689054],
    [1, -68075478],
    [-1, 1982413648],
    [2147483647, -1653689534],
    [2147483648, -1752133708],
    [-2147483648, -1718298732],
    [0.5, -1617438816],
    [1e21, -1995724227],
    [Infinity, 420913893],
    [0n, 1669671676],
    [1n, 1392991556],
    [-1n, 1651860712],
    [9223372036854775808n, -1143110798],
    [18446744073709551616n, 223774489],
    [-1267650600228229401496703205376n, 894648076]
  ])("hashes %s as ever", (key, expected) => {
    const hash =
      typeof key === "string"
        ? KeyHash.string(key)
        : typeof key === "number"
          ? KeyHash.number(key)
          : KeyHash.bigint(key)
    assert.strictEqual(hash, expected)
  })

  it.prop("hashes any string as its UTF-16 bytes", { key: Schema.String }, ({ key }) => {
    assert.strictEqual(KeyHash.string(key), murmur3(utf16(key)))
  })

  it.prop("hashes 32-bit integers as 4 bytes", { key: Schema.Int }, ({ key }) => {
    const int = key | 0
    assert.strictEqual(KeyHash.number(int), murmur3(littleEndian(4, (view) => view.setInt32(0, int, true))))
  })

  it.prop("hashes other numbers as 8 bytes", { key: Schema.Finite }, ({ key }) => {
    const wide = key + 2 ** 33
    assert.strictEqual(KeyHash.number(wide), murmur3(littleEndian(8, (view) => view.setFloat64(0, wide, true))))
  })

  it("does not tell zeros apart", () => {
    assert.strictEqual(KeyHash.number(-0), KeyHash.number(0))
  })

  it.prop("hashes bigints by all their bits", { low: Schema.BigInt, high: Schema.Int }, ({ high, low }) => {
    const word = BigInt.asIntN(64, low)
    const bytes = littleEndian(8, (view) => view.setBigInt64(0, word, true))
    assert.strictEqual(KeyHash.bigint(word), murmur3(bytes))
    const key = (BigInt(high) << 64n) | BigInt.asUintN(64, low)
    if (BigInt.asIntN(64, key) === key) return
    const wide = littleEndian(16, (view) => {
      view.setBigInt64(0, key, true)
      view.setBigInt64(8, key >> 64n, true)
    })
    assert.strictEqual(KeyHash.bigint(key), murmur3(wide))
  })

  it("flips about half of the bits when one bit of the key flips", () => {
    let flipped = 0
    let lowest = 0
    const trials = 2000
    for (let key = 0; key < trials; key++) {
      for (let bit = 0; bit < 16; bit++) {
        const text = String.fromCharCode(key, key + 1)
        const other = String.fromCharCode(key ^ (1 << bit), key + 1)
        let difference = KeyHash.string(text) ^ KeyHash.string(other)
        lowest += difference & 1
        for (; difference !== 0; difference &= difference - 1) flipped++
      }
    }
    assert.closeTo(flipped / (trials * 16), 16, 0.25)
    assert.closeTo(lowest / (trials * 16), 0.5, 0.02)
  })
})
