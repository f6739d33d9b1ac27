/**
 * Whether what comes out of a stage can go into the next, by their schemas. Finds what cannot fit;
 * ranges and other checks are the codec's, element by element.
 *
 * @since 0.1.0
 */
import * as SchemaAST from "effect/SchemaAST"
import type { AnySchema } from "../Graph.ts"

/**
 * The first place where it does not fit, in words; undefined if it fits.
 */
export const misfit = (output: AnySchema, input: AnySchema): string | undefined =>
  compare(SchemaAST.toType(output.ast), SchemaAST.toType(input.ast), "$")

const kindOf = (ast: SchemaAST.AST): string | undefined => {
  switch (ast._tag) {
    case "Literal":
      return typeof ast.literal
    case "Number":
    case "String":
    case "Boolean":
      return ast._tag.toLowerCase()
    case "BigInt":
      return "bigint"
    case "Objects":
      return "struct"
    case "Arrays":
      return "array"
    case "Null":
      return "null"
    case "Undefined":
    case "Void":
      return "undefined"
    default:
      return undefined
  }
}

const compare = (from: SchemaAST.AST, to: SchemaAST.AST, path: string): string | undefined => {
  if (from === to) return undefined
  if (from._tag === "Union") {
    for (const member of from.types) {
      const wrong = compare(member, to, path)
      if (wrong !== undefined) return wrong
    }
    return undefined
  }
  if (to._tag === "Union") {
    const wrongs = to.types.map((member) => compare(from, member, path))
    return wrongs.some((wrong) => wrong === undefined) ? undefined : wrongs[0]
  }
  const [given, wanted] = [kindOf(from), kindOf(to)]
  if (given === undefined || wanted === undefined) return undefined
  if (given !== wanted) return `${path} is ${given}, and ${wanted} is expected`
  if (from._tag === "Literal" && to._tag === "Literal" && from.literal !== to.literal) {
    return `${path} is ${String(from.literal)}, and ${String(to.literal)} is expected`
  }
  if (from._tag !== "Objects" || to._tag !== "Objects" || from.indexSignatures.length > 0) return undefined
  for (const { name, type } of to.propertySignatures) {
    const own = from.propertySignatures.find((property) => property.name === name)
    if (own === undefined) {
      if (SchemaAST.isOptional(type)) continue
      return `${path}.${String(name)} is missing`
    }
    const wrong = compare(own.type, type, `${path}.${String(name)}`)
    if (wrong !== undefined) return wrong
  }
  return undefined
}
