/**
 * From a schema to a codec: plan, program, and what holds for both programs alike.
 *
 * @since 0.1.0
 */
import type { AST } from "effect/SchemaAST"
import type { ByteMemory } from "../ring/ByteMemory.ts"
import type { Codec } from "./CodecModel.ts"
import { CodecError } from "./CodecError.ts"
import type { Foreign } from "./Foreign.ts"
import { fingerprintOf, formatCell } from "./format.ts"
import { canGenerate, generate } from "./generate.ts"
import { interpret } from "./interpret.ts"
import type { Cell, Node } from "./Plan.ts"
import { planOf } from "./planOf.ts"
import type { Program } from "./runtime.ts"

const cellsIn = (cell: Cell): ReadonlyArray<Node> => nodesIn(cell.root)

/** A node and everything under it. */
const nodesIn = (node: Node): ReadonlyArray<Node> => {
  switch (node.kind) {
    case "struct":
      return [node, ...node.fields.flatMap((field) => nodesIn(field.node))]
    case "tuple":
      return [node, ...node.elements.flatMap(nodesIn)]
    case "nullable":
      return [node, ...nodesIn(node.inner)]
    case "box":
      return [node, ...cellsIn(node.cell)]
    case "array":
      return [node, ...cellsIn(node.element)]
    case "union":
      return [node, ...node.members.flatMap((member) => cellsIn(member.cell))]
    default:
      return [node]
  }
}

/** Takes back what a refused value had attached. */
const restoring =
  (write: Program["write"]): Program["write"] =>
  (memory: ByteMemory, offset: number, value: unknown) => {
    const before = memory.attachments.length
    try {
      return write(memory, offset, value)
    } catch (error) {
      memory.attachments.length = before
      throw error
    }
  }

const resetting =
  (bound: Program["bound"], foreigns: ReadonlyArray<Foreign>): Program["bound"] =>
  (value) => {
    for (const foreign of foreigns) foreign.reset()
    return bound(value)
  }

/** Compiles the codec of a schema. Throws a `CodecError` if it has none. */
export const compile = (ast: AST, generated: boolean = canGenerate): Codec<unknown> => {
  const cell = planned(ast)
  const program = generated ? generate(cell) : interpret(cell)
  const nodes = cellsIn(cell)
  const foreigns = nodes.flatMap((node) => (node.kind === "foreign" ? [node.foreign] : []))
  const mayAttach = nodes.some((node) => node.kind === "bytes" || node.kind === "shared")
  const layout = formatCell(cell)
  return {
    fingerprint: fingerprintOf(layout),
    fixedSize: cell.variable ? undefined : cell.size,
    mayAttach,
    mayShare: nodes.some((node) => node.kind === "shared"),
    layout,
    bound: foreigns.length > 0 ? resetting(program.bound, foreigns) : program.bound,
    write: mayAttach ? restoring(program.write) : program.write,
    read: program.read,
    // A value that attaches or that another library encodes needs what is wrapped around `write` and `bound`.
    writeRun: mayAttach || foreigns.length > 0 ? undefined : program.writeRun,
    readRun: program.readRun
  }
}

const planned = (ast: AST): Cell => {
  try {
    return planOf(ast)
  } catch (cause) {
    if (cause instanceof CodecError) throw cause
    throw new CodecError("$", `this schema has no encoding: ${String(cause)}`, -1, { cause })
  }
}
