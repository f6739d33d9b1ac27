/**
 * The closures of the parts that have no parts: numbers, literals, times, strings and the like.
 *
 * @since 0.1.0
 */
import type { LiteralValue } from "effect/SchemaAST"
import type { ByteMemory } from "../ring/ByteMemory.ts"
import * as blobs from "./blobs.ts"
import { corrupt, refuse } from "./CodecError.ts"
import { byteOf, type Bit, type Cell, maskOf, type Node, type NumberNode } from "./Plan.ts"
import type { NumberWire } from "./checks.ts"
import * as runtime from "./runtime.ts"
import * as text from "./text.ts"

/** How far a read has come in the variable section. */
export interface Cursor {
  at: number
  readonly end: number
}

/** `o` is where the cell begins, `p` where the next variable part goes. */
export interface Steps {
  readonly write: (m: ByteMemory, o: number, p: number, value: unknown) => number
  /** Bytes in the variable section. */
  readonly bound: (value: unknown) => number
  readonly read: (m: ByteMemory, o: number, cursor: Cursor) => unknown
}

const none = (): number => 0

const scalars: Record<
  NumberWire,
  { store: (m: ByteMemory, at: number, x: number) => void; load: (m: ByteMemory, at: number) => number }
> = {
  f64: { store: (m, at, x) => void (m.f64[at >> 3] = x), load: (m, at) => m.f64[at >> 3] },
  i32: { store: (m, at, x) => void (m.i32[at >> 2] = x), load: (m, at) => m.i32[at >> 2] },
  u32: { store: (m, at, x) => void (m.i32[at >> 2] = x), load: (m, at) => m.i32[at >> 2] >>> 0 },
  i16: { store: (m, at, x) => m.view.setInt16(at, x, true), load: (m, at) => m.view.getInt16(at, true) },
  u16: { store: (m, at, x) => m.view.setUint16(at, x, true), load: (m, at) => m.view.getUint16(at, true) },
  i8: { store: (m, at, x) => m.view.setInt8(at, x), load: (m, at) => m.view.getInt8(at) },
  u8: { store: (m, at, x) => m.view.setUint8(at, x), load: (m, at) => m.view.getUint8(at) }
}

const index = (bytes: number) => scalars[bytes === 1 ? "u8" : "u16"]

const fits = (node: NumberNode, value: unknown): value is number =>
  typeof value === "number" &&
  (!node.integer || Number.isSafeInteger(value)) &&
  (!node.finite || Number.isFinite(value)) &&
  !(value < node.minimum || value > node.maximum)

export const setBit = (cell: Cell, bit: Bit) => {
  const offset = byteOf(cell, bit)
  const mask = maskOf(bit)
  return (m: ByteMemory, o: number): void => void (m.u8[o + offset] |= mask)
}

export const testBit = (cell: Cell, bit: Bit) => {
  const offset = byteOf(cell, bit)
  const mask = maskOf(bit)
  return (m: ByteMemory, o: number): boolean => (m.u8[o + offset] & mask) !== 0
}

/** Takes `bytes` of the variable section, if they are there. */
const take = (cursor: Cursor, bytes: number, path: string): number => {
  const { at } = cursor
  if (bytes > cursor.end - at) corrupt(path, "the bytes end early", at)
  cursor.at = at + bytes
  return at
}

/** A node with parts. */
export type Composite = Extract<Node, { readonly kind: "struct" | "tuple" | "nullable" | "box" | "array" | "union" }>

export const leafSteps = (node: Exclude<Node, Composite>, cell: Cell): Steps => {
  const { path } = node
  switch (node.kind) {
    case "number": {
      const { offset } = node.slot
      const { load, store } = scalars[node.wire]
      const expected = runtime.expectedNumber(node)
      return {
        write(m, o, p, value) {
          if (!fits(node, value)) return refuse(path, expected, value)
          store(m, o + offset, value)
          return p
        },
        bound: none,
        read(m, o) {
          const value = load(m, o + offset)
          return fits(node, value) ? value : corrupt(path, `expected ${expected}`, o + offset)
        }
      }
    }
    case "boolean": {
      const set = setBit(cell, node.bit)
      return {
        write(m, o, p, value) {
          if (value === true) set(m, o)
          else if (value !== false) refuse(path, "a boolean", value)
          return p
        },
        bound: none,
        read: testBit(cell, node.bit)
      }
    }
    case "literal": {
      const { slot, values } = node
      const indices = new Map<unknown, number>(values.map((value, i) => [value, i]))
      const expected = runtime.expectedLiteral(node)
      return {
        write(m, o, p, value) {
          const i = indices.get(value)
          if (i === undefined) return refuse(path, expected, value)
          if (slot !== undefined) index(slot.bytes).store(m, o + slot.offset, i)
          return p
        },
        bound: none,
        read(m, o): LiteralValue {
          if (slot === undefined) return values[0]
          const i = index(slot.bytes).load(m, o + slot.offset)
          return i < values.length ? values[i] : corrupt(path, "no such literal", o + slot.offset)
        }
      }
    }
    case "date":
    case "dateTime": {
      const { offset } = node.slot
      const load = (m: ByteMemory, o: number): number => {
        const millis = m.f64[(o + offset) >> 3]
        return runtime.isTime(millis) ? millis : corrupt(path, "no such time", o + offset)
      }
      if (node.kind === "date") {
        return {
          write(m, o, p, value) {
            if (!runtime.isDate(value)) return refuse(path, "a valid Date", value)
            m.f64[(o + offset) >> 3] = value.getTime()
            return p
          },
          bound: none,
          read: (m, o) => new Date(load(m, o))
        }
      }
      return {
        write(m, o, p, value) {
          if (!runtime.isDateTime(value)) return refuse(path, "a DateTime.Utc", value)
          m.f64[(o + offset) >> 3] = value.epochMilliseconds
          return p
        },
        bound: none,
        read: (m, o) => runtime.dateTime(load(m, o))
      }
    }
    case "string": {
      const { offset } = node.slot
      return {
        write: (m, o, p, value) =>
          typeof value === "string" ? text.writeText(m, o + offset, p, value, path) : refuse(path, "a string", value),
        bound: text.boundText,
        read(m, o, cursor) {
          const header = m.i32[(o + offset) >> 2]
          return text.readText(m, header, take(cursor, text.textBytes(header), path), path)
        }
      }
    }
    case "bytes": {
      const { offset } = node.slot
      return {
        write: (m, o, p, value) => blobs.writeBytes(m, o + offset, p, value, path),
        bound: blobs.boundBytes,
        read(m, o, cursor) {
          const header = m.i32[(o + offset) >> 2]
          return blobs.readBytes(m, header, take(cursor, blobs.bytesBytes(header), path), path)
        }
      }
    }
    case "bigint": {
      const { offset } = node.slot
      return {
        write: (m, o, p, value) =>
          typeof value === "bigint"
            ? blobs.writeBigInt(m, o + offset, p, value, path)
            : refuse(path, "a bigint", value),
        bound: blobs.boundBigInt,
        read(m, o, cursor) {
          const header = m.i32[(o + offset) >> 2]
          return blobs.readBigInt(m, header, take(cursor, blobs.bigIntBytes(header), path))
        }
      }
    }
    case "shared": {
      const { offset } = node.slot
      return {
        write(m, o, p, value) {
          blobs.writeShared(m, o + offset, value, path)
          return p
        },
        bound: none,
        read: (m, o) => blobs.readShared(m, m.i32[(o + offset) >> 2], o + offset, path)
      }
    }
    case "foreign": {
      const { foreign, slot } = node
      return {
        write: (m, o, p, value) => blobs.writeInline(m, o + slot.offset, p, foreign.encode(value, path), path),
        bound: (value) => foreign.bound(value),
        read(m, o, cursor) {
          const header = m.i32[(o + slot.offset) >> 2]
          const at = take(cursor, blobs.bytesBytes(header), path)
          return foreign.decode(blobs.readInline(m, header, at, path), path, at)
        }
      }
    }
  }
}
