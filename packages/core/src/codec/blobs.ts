/**
 * Byte strings, big integers and attached buffers in the variable section.
 *
 * - bytes: the header is `length << 1`, and the bytes follow; or `attachment << 1 | 1`, where the
 *   whole buffer travels beside the frame
 * - bigint: the header is 0 and eight bytes follow; or `bytes << 1 | sign` and the magnitude
 *   follows, most significant byte first
 * - shared memory: the header is the attachment's index
 *
 * @since 0.1.0
 */
import type { ByteMemory } from "../ring/ByteMemory.ts"
import { corrupt, refuse } from "./CodecError.ts"

const longest = 0x3fffffff

const movedViews = new WeakSet<Uint8Array>()
/** False until the first view is marked: most programs move nothing and pay no look-up. */
let anyMoved = false

/** Marks `bytes` to be moved instead of copied when they are next written. */
export const markMoved = (bytes: Uint8Array): Uint8Array => {
  movedViews.add(bytes)
  anyMoved = true
  return bytes
}

const moves = (bytes: Uint8Array): boolean =>
  anyMoved &&
  movedViews.has(bytes) &&
  bytes.byteLength > 0 &&
  bytes.buffer instanceof ArrayBuffer &&
  bytes.byteLength === bytes.buffer.byteLength

const isDetached = (buffer: ArrayBufferLike): boolean => buffer instanceof ArrayBuffer && buffer.detached

const attach = (memory: ByteMemory, buffer: ArrayBufferLike): number => {
  const known = memory.attachments.indexOf(buffer)
  return known >= 0 ? known : memory.attachments.push(buffer) - 1
}

export const boundBytes = (value: unknown): number =>
  value instanceof Uint8Array && !moves(value) ? value.byteLength : 0

export const writeBytes = (memory: ByteMemory, header: number, at: number, value: unknown, path: string): number => {
  if (!(value instanceof Uint8Array)) return refuse(path, "a Uint8Array", value)
  if (moves(value)) {
    memory.i32[header >> 2] = (attach(memory, value.buffer) << 1) | 1
    return at
  }
  return writeInline(memory, header, at, value, path)
}

/** Writes bytes that stay in the frame. */
export const writeInline = (
  memory: ByteMemory,
  header: number,
  at: number,
  value: Uint8Array,
  path: string
): number => {
  const length = value.byteLength
  if (length > longest) return refuse(path, `at most ${longest} bytes`, value)
  if (length === 0 && isDetached(value.buffer)) return refuse(path, "bytes that were not moved away", value)
  memory.i32[header >> 2] = length << 1
  memory.u8.set(value, at)
  return at + length
}

/** Bytes in the frame that a header names. */
export const bytesBytes = (header: number): number => ((header & 1) === 0 ? header >>> 1 : 0)

/** Bytes of their own, of which every one is overwritten. */
let allocate = (bytes: number): Uint8Array<ArrayBuffer> => new Uint8Array(bytes)

/** What a platform does that has memory to give which nobody zeroed. */
export const installAllocator = (unzeroed: (bytes: number) => Uint8Array<ArrayBuffer>): void => {
  allocate = unzeroed
}

export const readBytes = (memory: ByteMemory, header: number, at: number, path: string): Uint8Array => {
  if ((header & 1) === 0) {
    const length = header >>> 1
    const bytes = allocate(length)
    // Not `slice`, which copies word by word out of memory that is shared.
    bytes.set(memory.u8.subarray(at, at + length))
    return bytes
  }
  const buffer = memory.attachments[header >>> 1]
  if (!(buffer instanceof ArrayBuffer)) return corrupt(path, `no buffer is attached as number ${header >>> 1}`, at)
  return new Uint8Array(buffer)
}

/** Reads bytes that must be in the frame. */
export const readInline = (memory: ByteMemory, header: number, at: number, path: string): Uint8Array =>
  (header & 1) === 0 ? readBytes(memory, header, at, path) : corrupt(path, "attached bytes are not expected", at)

export const writeShared = (memory: ByteMemory, header: number, value: unknown, path: string): void => {
  if (!(value instanceof SharedArrayBuffer)) return refuse(path, "a SharedArrayBuffer", value)
  memory.i32[header >> 2] = attach(memory, value)
}

export const readShared = (memory: ByteMemory, header: number, at: number, path: string): SharedArrayBuffer => {
  const buffer = memory.attachments[header]
  return buffer instanceof SharedArrayBuffer ? buffer : corrupt(path, `no memory is attached as number ${header}`, at)
}

const hexDigits = (value: bigint): string => (value < 0n ? -value : value).toString(16)

const fits64 = (value: bigint): boolean => BigInt.asIntN(64, value) === value

export const boundBigInt = (value: unknown): number => {
  if (typeof value !== "bigint") return 0
  return fits64(value) ? 8 : (hexDigits(value).length + 1) >>> 1
}

export const writeBigInt = (memory: ByteMemory, header: number, at: number, value: bigint, path: string): number => {
  if (fits64(value)) {
    memory.i32[header >> 2] = 0
    memory.view.setBigInt64(at, value, true)
    return at + 8
  }
  const digits = hexDigits(value)
  const length = (digits.length + 1) >>> 1
  if (length > longest) return refuse(path, `at most ${longest} bytes`, value)
  const padded = digits.length & 1 ? `0${digits}` : digits
  for (let i = 0; i < length; i++) memory.u8[at + i] = Number.parseInt(padded.slice(2 * i, 2 * i + 2), 16)
  memory.i32[header >> 2] = (length << 1) | (value < 0n ? 1 : 0)
  return at + length
}

export const bigIntBytes = (header: number): number => (header === 0 ? 8 : header >>> 1)

export const readBigInt = (memory: ByteMemory, header: number, at: number): bigint => {
  if (header === 0) return memory.view.getBigInt64(at, true)
  const length = header >>> 1
  let digits = "0x0"
  for (let i = 0; i < length; i++) digits += memory.u8[at + i].toString(16).padStart(2, "0")
  const magnitude = BigInt(digits)
  return header & 1 ? -magnitude : magnitude
}
