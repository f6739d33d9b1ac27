/**
 * Strings in the variable section.
 *
 * The header is `bytes << 2 | form`. A short string is one byte a character where all fit
 * (Latin-1), else UTF-16. A long one is UTF-8, which engines convert in bulk; one with lone
 * surrogates has no UTF-8, so it is UTF-16. Every string comes back as it went.
 *
 * Short Latin-1 strings are interned on read: a direct-mapped table holds their bytes as words, so
 * a key that repeats is found by comparing words and allocates nothing. The table never grows.
 *
 * @since 0.1.0
 */
import type { ByteMemory } from "../ring/ByteMemory.ts"
import { corrupt, refuse } from "./CodecError.ts"

const Latin1 = 0
const Utf8 = 1
const Utf16 = 2

/** The most characters of a short string: from here on the bulk converters are faster. */
const short = 40
/** The longest string whose bytes surely fit a header. */
const longest = 0x09ffffff

/** The most bytes of an interned string, in words of 4. */
const internWords = 6
const internMask = 4095
/** A row holds the length and the words of one string. */
const internRow = 8
const internKeys = new Int32Array((internMask + 1) * internRow)
const internValues: Array<string> = new Array<string>(internMask + 1).fill("")

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Some engines refuse to decode out of shared memory. */
const decodesShared = (() => {
  try {
    return decoder.decode(new Uint8Array(new SharedArrayBuffer(1))) === "\0"
  } catch {
    return false
  }
})()

/** Bytes that `writeText` may need. */
export const boundText = (value: unknown): number => (typeof value === "string" ? value.length * 3 : 0)

/** Writes the header at `header` and the characters at `at`; returns the offset after them. */
export const writeText = (memory: ByteMemory, header: number, at: number, value: string, path: string): number => {
  const length = value.length
  if (length > short) return writeLong(memory, header, at, value, path)
  const bytes = memory.u8
  for (let i = 0; i < length; i++) {
    const code = value.charCodeAt(i)
    if (code > 255) return writeWide(memory, header, at, value)
    bytes[at + i] = code
  }
  memory.i32[header >> 2] = (length << 2) | Latin1
  return at + length
}

const writeWide = (memory: ByteMemory, header: number, at: number, value: string): number => {
  const { view } = memory
  for (let i = 0; i < value.length; i++) view.setUint16(at + 2 * i, value.charCodeAt(i), true)
  memory.i32[header >> 2] = (value.length << 3) | Utf16
  return at + 2 * value.length
}

const writeLong = (memory: ByteMemory, header: number, at: number, value: string, path: string): number => {
  if (value.length > longest) return refuse(path, `at most ${longest} characters`, value)
  const { read, written } = encoder.encodeInto(value, memory.u8.subarray(at, at + 3 * value.length))
  // A lone surrogate became U+FFFD. Only strings beyond ASCII can hold one.
  if (written !== value.length && !value.isWellFormed()) return writeWide(memory, header, at, value)
  if (read !== value.length) return refuse(path, "room for the string", value)
  memory.i32[header >> 2] = (written << 2) | Utf8
  return at + written
}

/** Bytes that a header names. */
export const textBytes = (header: number): number => header >>> 2

/** Reads the string whose header is `header` and whose bytes, all there, begin at `at`. */
export const readText = (memory: ByteMemory, header: number, at: number, path: string): string => {
  const length = header >>> 2
  const form = header & 3
  if (form === Latin1) {
    return length <= internWords * 4 ? readInterned(memory, at, length) : latin1(memory.u8, at, length)
  }
  if (form === Utf8) {
    const bytes = decodesShared ? memory.u8.subarray(at, at + length) : memory.u8.slice(at, at + length)
    try {
      return decoder.decode(bytes)
    } catch {
      return corrupt(path, "not UTF-8", at)
    }
  }
  if (form !== Utf16 || (length & 1) !== 0) return corrupt(path, `no string has the header ${header}`, at)
  return utf16(memory.view, at, length)
}

const readInterned = (memory: ByteMemory, at: number, length: number): string => {
  if (length === 0) return ""
  const { u8, view } = memory
  const words = length >> 2
  const rest = length & 3
  const tailAt = at + (words << 2)
  let tail = 0
  for (let i = 0; i < rest; i++) tail |= u8[tailAt + i] << (i << 3)
  let hash = Math.imul(tail ^ length, 0x9e3779b1)
  for (let w = 0; w < words; w++) {
    hash = Math.imul(hash ^ (hash >>> 15) ^ view.getInt32(at + (w << 2), true), 0x85ebca6b)
  }
  const slot = (hash ^ (hash >>> 13) ^ (hash >>> 22)) & internMask
  const row = slot * internRow
  let same = internKeys[row] === length && internKeys[row + 1] === tail
  for (let w = 0; same && w < words; w++) same = internKeys[row + 2 + w] === view.getInt32(at + (w << 2), true)
  if (same) return internValues[slot]
  const value = latin1(u8, at, length)
  internKeys[row] = length
  internKeys[row + 1] = tail
  for (let w = 0; w < words; w++) internKeys[row + 2 + w] = view.getInt32(at + (w << 2), true)
  internValues[slot] = value
  return value
}

// Eight characters a call: one call a character builds a rope, `apply` allocates a view.
const latin1 = (u8: Uint8Array, at: number, length: number): string => {
  const end = at + length
  let text = ""
  for (; end - at >= 8; at += 8) {
    text += String.fromCharCode(
      u8[at],
      u8[at + 1],
      u8[at + 2],
      u8[at + 3],
      u8[at + 4],
      u8[at + 5],
      u8[at + 6],
      u8[at + 7]
    )
  }
  for (; at < end; at++) text += String.fromCharCode(u8[at])
  return text
}

const utf16 = (view: DataView, at: number, length: number): string => {
  let text = ""
  const units: Array<number> = []
  for (let i = 0; i < length; i += 2) {
    units.push(view.getUint16(at + i, true))
    if (units.length === 4096) {
      text += String.fromCharCode.apply(null, units)
      units.length = 0
    }
  }
  return text + String.fromCharCode.apply(null, units)
}
