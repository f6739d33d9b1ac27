/**
 * What generated and interpreted codecs call: everything that is not a plain store or load.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import type { LiteralValue } from "effect/SchemaAST"
import type { ByteMemory } from "../ring/ByteMemory.ts"
import type { ReadRun, WriteRun } from "../ring/Run.ts"
import { CodecError, corrupt } from "./CodecError.ts"
import type { Construct, LiteralNode, Node, NumberNode, UnionNode } from "./Plan.ts"

/** What an encoding needs to be written and read, before it is one codec. */
export interface Program {
  readonly write: (memory: ByteMemory, offset: number, value: unknown) => number
  readonly bound: (value: unknown) => number
  readonly read: (memory: ByteMemory, offset: number, end: number) => unknown
  readonly writeRun?: WriteRun<unknown>
  readonly readRun?: ReadRun<unknown>
}

/** Whether inherited members of every object could pass for this field. */
export const isInherited = (name: string): boolean => name in Object.prototype

/** The field as the schema sees it: inherited members are none. */
export const own = (value: object, name: string): unknown =>
  Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined

/** Sets a field whose name an assignment would give another meaning. */
export const define = (target: object, name: string, value: unknown): void => {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true })
}

export const construct = (how: Construct, fields: object, path: string, offset: number): object => {
  try {
    return how.make(fields)
  } catch (cause) {
    throw new CodecError(path, `${how.identifier} could not be built`, offset, { cause })
  }
}

export const isDate = (value: unknown): value is Date => value instanceof Date && !Number.isNaN(value.getTime())

export const isDateTime = (value: unknown): value is DateTime.Utc => DateTime.isDateTime(value) && DateTime.isUtc(value)

/** The farthest that a date can be from the epoch, in milliseconds. */
const farthest = 8.64e15

export const isTime = (millis: number): boolean => Number.isInteger(millis) && Math.abs(millis) <= farthest

export const dateTime = (millis: number): DateTime.Utc => DateTime.makeUnsafe(millis)

export const trailing = (at: number, end: number): never => corrupt("$", `${end - at} bytes too many`, at)

export const expectedNumber = (node: NumberNode): string => {
  const kind = node.integer ? "an integer" : node.finite ? "a finite number" : "a number"
  if (node.minimum === -Infinity && node.maximum === Infinity) return kind
  return `${kind} from ${node.minimum} to ${node.maximum}`
}

const most = 8

export const expectedLiteral = (node: LiteralNode | UnionNode): string => {
  const all = node.kind === "union" ? node.members.map(({ literal }) => literal) : node.values
  const some = all.slice(0, most).map(showLiteral).join(" | ")
  return all.length > most ? `${some} | …` : some
}

export const showLiteral = (value: LiteralValue): string =>
  typeof value === "bigint" ? `${value}n` : JSON.stringify(value)

/** Whether a node puts anything in the variable section. */
export const isVariable = (node: Node): boolean => {
  switch (node.kind) {
    case "string":
    case "bytes":
    case "bigint":
    case "foreign":
    case "box":
    case "array":
    case "union":
      return true
    case "struct":
      return node.fields.some((field) => isVariable(field.node))
    case "tuple":
      return node.elements.some(isVariable)
    case "nullable":
      return isVariable(node.inner)
    default:
      return false
  }
}

/** Bytes from one element to the next where no element has a variable section. */
export const strideOf = (cell: { readonly size: number; readonly align: number }): number =>
  (cell.size + cell.align - 1) & -cell.align
