/**
 * From a schema's syntax tree to a plan.
 *
 * Whatever is equal on both sides of the schema and has a form of its own is planned natively;
 * everything else becomes a `foreign` node, alone: the fields around it stay native.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as SchemaAST from "effect/SchemaAST"
import { checksOf, numberChecksOf, representationOf } from "./checks.ts"
import { Foreign } from "./Foreign.ts"
import { type Cell, CellBuilder, type Construct, type Field, type Node } from "./Plan.ts"

/** The identifier of the schema of shared memory. */
export const sharedMemoryId = "shared-nothing/SharedMemory"

/** Optional parts with slots up to this size are in the fixed section whether they are there or not. */
const largestInline = 8

const noOptions: SchemaAST.ParseOptions = {}

/** The cell of a whole message. */
export const planOf = (ast: SchemaAST.AST): Cell => cellOf(ast, "$")

const cellOf = (ast: SchemaAST.AST, path: string, least = 0): Cell => {
  const cell = new CellBuilder(path)
  return cell.seal(nodeOf(ast, path, cell), least)
}

const member = (path: string, name: string): string =>
  /^[A-Za-z_$][\w$]*$/.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`

const nodeOf = (ast: SchemaAST.AST, path: string, cell: CellBuilder): Node =>
  nativeOf(ast, path, cell) ?? {
    kind: "foreign",
    path,
    checks: undefined,
    foreign: new Foreign(ast, path),
    slot: cell.header()
  }

const nativeOf = (ast: SchemaAST.AST, path: string, cell: CellBuilder): Node | undefined => {
  if (ast.encoding !== undefined) return classOf(ast, path, cell)
  if ("encodingChecks" in ast && ast.encodingChecks !== undefined) return undefined
  switch (ast._tag) {
    case "Number": {
      const number = numberChecksOf(ast)
      const bytes = number.wire === "f64" ? 8 : Number(number.wire.slice(1)) / 8
      return { kind: "number", path, ...number, slot: cell.slot(bytes) }
    }
    case "Boolean":
      return { kind: "boolean", path, checks: checksOf(ast), bit: cell.bit() }
    case "String":
      return { kind: "string", path, checks: checksOf(ast), slot: cell.header() }
    case "BigInt":
      return { kind: "bigint", path, checks: checksOf(ast), slot: cell.header() }
    case "Literal":
      return literalOf(ast, [ast.literal], path, cell)
    case "Enum":
      return literalOf(ast, [...new Set(ast.enums.map(([, value]) => value))], path, cell)
    case "Declaration":
      return declarationOf(ast, path, cell)
    case "Objects":
      return structOf(ast, path, cell, undefined)
    case "Arrays":
      return arrayOf(ast, path, cell)
    case "Union":
      return unionOf(ast, path, cell)
    default:
      return undefined
  }
}

const literalOf = (
  ast: SchemaAST.AST,
  values: ReadonlyArray<SchemaAST.LiteralValue>,
  path: string,
  cell: CellBuilder
): Node | undefined => {
  if (values.length === 0 || values.length > 0xffff) return undefined
  const slot = values.length === 1 ? undefined : cell.slot(values.length <= 0x100 ? 1 : 2)
  return { kind: "literal", path, checks: checksOf(ast), values, slot }
}

const declarationOf = (ast: SchemaAST.Declaration, path: string, cell: CellBuilder): Node | undefined => {
  const checks = checksOf(ast)
  switch (representationOf(ast.annotations)) {
    case "effect/schema/Date":
      return { kind: "date", path, checks, slot: cell.slot(8) }
    case "effect/schema/DateTimeUtc":
      return { kind: "dateTime", path, checks, slot: cell.slot(8) }
    case "effect/schema/Uint8Array":
      return { kind: "bytes", path, checks, slot: cell.header() }
    case sharedMemoryId:
      return { kind: "shared", path, checks, slot: cell.slot(4) }
    default:
      return undefined
  }
}

/**
 * A declaration that decodes from a struct by a pure function and encodes as itself: what
 * `Schema.Class` and its relatives are. Its instances have the fields of the struct.
 */
const classOf = (ast: SchemaAST.AST, path: string, cell: CellBuilder): Node | undefined => {
  if (ast._tag !== "Declaration" || ast.encoding?.length !== 1 || ast.typeParameters.length !== 1) return undefined
  const { to, transformation } = ast.encoding[0]
  if (!SchemaAST.isObjects(to) || to.encoding !== undefined || to.encodingChecks !== undefined) return undefined
  if (transformation._tag !== "Transformation" || ast.encodingChecks !== undefined) return undefined
  const { decode, encode } = transformation
  if (decode._tag !== "Transform" || encode._tag !== "Passthrough") return undefined
  const run = ast.run(ast.typeParameters)
  const identifier = ast.annotations?.identifier
  return structOf(
    to,
    path,
    cell,
    {
      identifier: typeof identifier === "string" ? identifier : "class",
      isInstance: (value) => {
        const result = run(value, ast, noOptions)
        return Exit.isExit(result) ? Exit.isSuccess(result) : Exit.isSuccess(Effect.runSyncExit(result))
      },
      make: decode.transform
    },
    ast
  )
}

const structOf = (
  ast: SchemaAST.Objects,
  path: string,
  cell: CellBuilder,
  construct: Construct | undefined,
  declared: SchemaAST.AST = ast
): Node | undefined => {
  if (ast.indexSignatures.length > 0 || !ast.propertySignatures.every(isPlainKey)) return undefined
  const fields = ast.propertySignatures.map(({ name, type }): Field => {
    const key = String(name)
    if (!SchemaAST.isOptional(type))
      return { name: key, present: undefined, node: nodeOf(type, member(path, key), cell) }
    const present = cell.bit()
    return { name: key, present, node: optionalOf(type, member(path, key), cell) }
  })
  const own = checksOf(ast)
  const whole = declared === ast ? undefined : checksOf(declared)
  const checks =
    own && whole
      ? (value: unknown, at: string, offset: number): void => {
          own(value, at, offset)
          whole(value, at, offset)
        }
      : (own ?? whole)
  return { kind: "struct", path, checks, fields, construct }
}

/** A string key that is there on both sides or on neither. */
const isPlainKey = ({ name, type }: SchemaAST.PropertySignature): boolean =>
  typeof name !== "symbol" &&
  (type.encoding === undefined || SchemaAST.isOptional(type) === SchemaAST.isOptional(SchemaAST.toEncoded(type)))

/** Inlines a small part, and boxes a large one so that it takes no room while it is not there. */
const optionalOf = (ast: SchemaAST.AST, path: string, cell: CellBuilder): Node => {
  const boxed = cellOf(ast, path)
  if (boxed.bitsOffset <= largestInline) return nodeOf(ast, path, cell)
  cell.box()
  return { kind: "box", path, checks: undefined, cell: boxed }
}

const arrayOf = (ast: SchemaAST.Arrays, path: string, cell: CellBuilder): Node | undefined => {
  const checks = checksOf(ast)
  if (ast.rest.length === 0 && !ast.elements.some(SchemaAST.isOptional)) {
    const elements = ast.elements.map((element, index) => nodeOf(element, `${path}[${index}]`, cell))
    return { kind: "tuple", path, checks, elements }
  }
  if (ast.rest.length !== 1 || ast.elements.length !== 0) return undefined
  // Elements take at least a byte: so a count is bounded by the bytes that are there.
  return { kind: "array", path, checks, slot: cell.header(), element: cellOf(ast.rest[0], "", 1) }
}

const unionOf = (ast: SchemaAST.Union, path: string, cell: CellBuilder): Node | undefined => {
  if (ast.checks !== undefined) return undefined
  return membersOf(ast.types, path, cell)
}

const membersOf = (types: ReadonlyArray<SchemaAST.AST>, path: string, cell: CellBuilder): Node | undefined => {
  for (const [tag, empty] of [
    ["Undefined", undefined],
    ["Null", null]
  ] as const) {
    const rest = types.filter((type) => type._tag !== tag || type.encoding !== undefined)
    if (rest.length === types.length || rest.length === 0) continue
    const draft = new CellBuilder(path)
    const root = memberOf(rest, path, draft)
    if (root === undefined) return undefined
    const bit = cell.bit()
    const boxed = draft.seal(root)
    if (boxed.bitsOffset <= largestInline) {
      const inner = memberOf(rest, path, cell)
      return inner && { kind: "nullable", path, checks: undefined, empty, bit, inner }
    }
    cell.box()
    return {
      kind: "nullable",
      path,
      checks: undefined,
      empty,
      bit,
      inner: { kind: "box", path, checks: undefined, cell: boxed }
    }
  }
  const literals = types.flatMap((type) =>
    type._tag === "Literal" && type.checks === undefined && type.encoding === undefined ? [type.literal] : []
  )
  if (literals.length === types.length) return literalOf(types[0], [...new Set(literals)], path, cell)
  return taggedOf(types, path, cell)
}

const memberOf = (types: ReadonlyArray<SchemaAST.AST>, path: string, cell: CellBuilder): Node | undefined =>
  types.length === 1 ? nodeOf(types[0], path, cell) : membersOf(types, path, cell)

/** The struct behind a struct or a class. */
const fieldsOf = (ast: SchemaAST.AST): SchemaAST.Objects | undefined => {
  if (SchemaAST.isObjects(ast)) return ast.encoding === undefined ? ast : undefined
  const to = ast._tag === "Declaration" && ast.encoding?.length === 1 ? ast.encoding[0].to : undefined
  return to !== undefined && SchemaAST.isObjects(to) ? to : undefined
}

/** The literals that the members demand under `key`, if each demands one of its own. */
const literalsUnder = (
  structs: ReadonlyArray<SchemaAST.Objects>,
  key: PropertyKey
): ReadonlyArray<SchemaAST.LiteralValue> | undefined => {
  const literals = structs.flatMap((struct) => {
    const type = struct.propertySignatures.find(({ name }) => name === key)?.type
    const plain = type?._tag === "Literal" && type.encoding === undefined && !SchemaAST.isOptional(type)
    return plain ? [type.literal] : []
  })
  return literals.length === structs.length && new Set(literals).size === literals.length ? literals : undefined
}

const taggedOf = (types: ReadonlyArray<SchemaAST.AST>, path: string, cell: CellBuilder): Node | undefined => {
  const structs = types.flatMap((type) => fieldsOf(type) ?? [])
  if (structs.length !== types.length || types.length > 0x100) return undefined
  for (const { name } of structs[0].propertySignatures) {
    const literals = typeof name === "symbol" ? undefined : literalsUnder(structs, name)
    if (literals === undefined) continue
    const cells = types.map((type) => cellOf(type, path))
    // A member that is no native struct would be told apart by a key that it may not have.
    if (cells.some(({ root }) => root.kind !== "struct")) return undefined
    cell.box()
    const members = cells.map((box, index) => ({ literal: literals[index], cell: box }))
    return { kind: "union", path, checks: undefined, slot: cell.slot(1), key: String(name), members }
  }
  return undefined
}
