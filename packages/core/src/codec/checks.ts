/**
 * The checks of a schema node, parted into what the codec tests itself (integers, finite numbers,
 * ranges) and what only the schema can run.
 *
 * @since 0.1.0
 */
import type * as SchemaAST from "effect/SchemaAST"
import { CodecError } from "./CodecError.ts"

/** How a number lies in memory. */
export type NumberWire = "f64" | "i32" | "u32" | "i16" | "u16" | "i8" | "u8"

/** What a schema demands beyond its type; throws a `CodecError` when it is not met. */
export type Check = (value: unknown, path: string, offset: number) => void

type AnyCheck = SchemaAST.Checks[number]
type AnyFilter = Extract<AnyCheck, { readonly _tag: "Filter" }>

/** What Effect calls a schema or a check of its own, whatever it is annotated with. */
export const representationOf = (annotations: object | undefined): unknown => {
  const representation: unknown = annotations && "representation" in annotations && annotations.representation
  return typeof representation === "object" && representation !== null && "id" in representation
    ? representation.id
    : undefined
}

const filtersOf = (check: AnyCheck): ReadonlyArray<AnyFilter> =>
  check._tag === "Filter" ? [check] : check.checks.flatMap(filtersOf)

const allFilters = (ast: SchemaAST.AST): ReadonlyArray<AnyFilter> => (ast.checks ?? []).flatMap(filtersOf)

const toCheck = (ast: SchemaAST.AST, filters: ReadonlyArray<AnyFilter>): Check | undefined => {
  if (filters.length === 0) return undefined
  const options: SchemaAST.ParseOptions = {}
  return (value, path, offset) => {
    for (const filter of filters) {
      if (filter.run(value, ast, options) !== undefined) {
        const expected = filter.annotations?.expected
        throw new CodecError(
          path,
          `expected ${typeof expected === "string" ? expected : "a value that passes"}`,
          offset
        )
      }
    }
  }
}

/** All checks of a node, run by the schema. */
export const checksOf = (ast: SchemaAST.AST): Check | undefined => toCheck(ast, allFilters(ast))

export interface NumberChecks {
  readonly wire: NumberWire
  readonly integer: boolean
  readonly finite: boolean
  readonly minimum: number
  readonly maximum: number
  readonly checks: Check | undefined
}

interface Range {
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: boolean | number
  readonly exclusiveMaximum?: boolean | number
}

const prefix = "effect/schema/"

const widths: ReadonlyArray<readonly [NumberWire, number, number]> = [
  ["u8", 0, 0xff],
  ["i8", -0x80, 0x7f],
  ["u16", 0, 0xffff],
  ["i16", -0x8000, 0x7fff],
  ["i32", -0x80000000, 0x7fffffff],
  ["u32", 0, 0xffffffff]
]

/** The checks of a number, and the narrowest way to write it. */
export const numberChecksOf = (ast: SchemaAST.AST): NumberChecks => {
  const filters = allFilters(ast)
  const idOf = (filter: AnyFilter): unknown => representationOf(filter.annotations)
  const integer = filters.some((filter) => idOf(filter) === `${prefix}isInt`)
  let finite = false
  let minimum = -Infinity
  let maximum = Infinity
  const rest = filters.filter((filter) => {
    switch (idOf(filter)) {
      case `${prefix}isInt`:
        return false
      case `${prefix}isFinite`:
        finite = true
        return false
      case `${prefix}isBetween`:
      case `${prefix}isGreaterThan`:
      case `${prefix}isGreaterThanOrEqualTo`:
      case `${prefix}isLessThan`:
      case `${prefix}isLessThanOrEqualTo`: {
        if (!integer) return true
        const range = filter.annotations?.representation?.payload as Range
        const { exclusiveMaximum, exclusiveMinimum } = range
        // `isGreaterThan` names its limit under the key that `isBetween` uses as a flag.
        const above = typeof exclusiveMinimum === "number" ? exclusiveMinimum : range.minimum
        const below = typeof exclusiveMaximum === "number" ? exclusiveMaximum : range.maximum
        if (above !== undefined) {
          minimum = Math.max(minimum, exclusiveMinimum === undefined ? Math.ceil(above) : Math.floor(above) + 1)
        }
        if (below !== undefined) {
          maximum = Math.min(maximum, exclusiveMaximum === undefined ? Math.floor(below) : Math.ceil(below) - 1)
        }
        return false
      }
      default:
        return true
    }
  })
  const width = integer ? widths.find(([, least, most]) => least <= minimum && maximum <= most) : undefined
  return { wire: width?.[0] ?? "f64", integer, finite, minimum, maximum, checks: toCheck(ast, rest) }
}
