/**
 * A mixed 32-bit hash of a key, the same in every thread, process and version.
 *
 * MurmurHash3_x86_32 with seed 0 (Austin Appleby, SMHasher, public domain) over fixed bytes:
 *
 * | key | bytes |
 * |---|---|
 * | string | its UTF-16 code units, low byte first |
 * | integer from -2^31 to 2^31-1 | 4 bytes of two's complement, low byte first; `-0` is `0` |
 * | any other number | 8 bytes of its IEEE 754 double, low byte first |
 * | bigint | 8 bytes of two's complement, low byte first, as many times as it needs |
 *
 * Two code units make one 32-bit block, so a string is read without being encoded. The finalizer
 * spreads every input bit over all 32: any bits of the hash may be taken as an index.
 *
 * The hash has no secret. Who may choose keys may choose them to collide.
 *
 * @since 0.1.0
 */

/**
 * What can be hashed.
 *
 * @category models
 * @since 0.1.0
 */
export type HashKey = string | number | bigint

const mixBlock = (block: number): number => {
  const k = Math.imul(block, 0xcc9e2d51)
  return Math.imul((k << 15) | (k >>> 17), 0x1b873593)
}

const absorb = (state: number, block: number): number => {
  const h = state ^ mixBlock(block)
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0
}

const finish = (state: number, bytes: number): number => {
  let h = state ^ bytes
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

// Scratch for the bits of one number; a DataView so that the byte order is ours, not the machine's.
const scratch = new DataView(new ArrayBuffer(8))

/**
 * Hash of a string, as a signed 32-bit integer.
 *
 * @category hashing
 * @since 0.1.0
 */
export const string = (key: string): number => {
  const length = key.length
  const pairs = length & ~1
  let h = 0
  for (let i = 0; i < pairs; i += 2) h = absorb(h, key.charCodeAt(i) | (key.charCodeAt(i + 1) << 16))
  if (length !== pairs) h ^= mixBlock(key.charCodeAt(pairs))
  return finish(h, length << 1)
}

/**
 * Hash of a number, as a signed 32-bit integer. `NaN` has no stable bits: refuse it before.
 *
 * @category hashing
 * @since 0.1.0
 */
export const number = (key: number): number => {
  const int = key | 0
  if (int === key) return finish(absorb(0, int), 4)
  scratch.setFloat64(0, key, true)
  return finish(absorb(absorb(0, scratch.getInt32(0, true)), scratch.getInt32(4, true)), 8)
}

/**
 * Hash of a bigint, as a signed 32-bit integer. Allocates only beyond 64 bits.
 *
 * @category hashing
 * @since 0.1.0
 */
export const bigint = (key: bigint): number => {
  let rest = key
  let h = 0
  let bytes = 0
  for (;;) {
    scratch.setBigInt64(0, rest, true)
    h = absorb(absorb(h, scratch.getInt32(0, true)), scratch.getInt32(4, true))
    bytes += 8
    if (BigInt.asIntN(64, rest) === rest) return finish(h, bytes)
    rest >>= 64n
  }
}

/**
 * Hash of any key.
 *
 * @category hashing
 * @since 0.1.0
 */
export const of = (key: HashKey): number =>
  typeof key === "string" ? string(key) : typeof key === "number" ? number(key) : bigint(key)
