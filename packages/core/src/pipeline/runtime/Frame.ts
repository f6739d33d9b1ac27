/**
 * What travels along an edge: arrays of elements, and control frames between them.
 *
 * Each names the input it comes from, because a subtask reads all its inputs from one channel. A
 * watermark of `Infinity` is the end of an input. Barriers of checkpoints will be one more kind.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as Codec from "../../codec/Codec.ts"
import type { AnySchema } from "../Graph.ts"

/**
 * @category models
 * @since 0.1.0
 */
export type Frame = Data | Watermark | Idle

/**
 * @category models
 * @since 0.1.0
 */
export interface Data {
  /** `Data0`, `Data1`, …: by port, since each port has a schema of its own. */
  readonly _tag: `Data${number}`
  readonly from: number
  readonly times: ReadonlyArray<number>
  readonly values: ReadonlyArray<unknown>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Watermark {
  readonly _tag: "Watermark"
  readonly from: number
  readonly time: number
}

/**
 * The input has nothing to say for now: event time does not wait for it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Idle {
  readonly _tag: "Idle"
  readonly from: number
  readonly idle: boolean
}

const control = [
  Schema.Struct({ _tag: Schema.Literal("Watermark"), from: Schema.Int, time: Schema.Number }),
  Schema.Struct({ _tag: Schema.Literal("Idle"), from: Schema.Int, idle: Schema.Boolean })
] as const

/** Whether it is what a class is: a declaration that encodes as the struct of its fields. */
const isClass = (ast: SchemaAST.AST): boolean =>
  ast._tag === "Declaration" && ast.encoding?.length === 1 && SchemaAST.isObjects(ast.encoding[0].to)

/**
 * Elements as they are, without the transformations of their schema. A class stays what it is, also among others: the
 * codec writes its fields, while its type alone would go through another codec, at six times the cost.
 */
const elementOf = (ast: SchemaAST.AST): SchemaAST.AST => {
  if (isClass(ast)) return ast
  if (ast._tag !== "Union" || ast.encoding !== undefined || ast.checks !== undefined) return SchemaAST.toType(ast)
  return Schema.Union(ast.types.map((type) => Schema.make<AnySchema>(elementOf(type)))).ast
}

const byFirst = new WeakMap<
  AnySchema,
  Array<{ readonly all: ReadonlyArray<AnySchema>; readonly schema: FrameSchema }>
>()

type FrameSchema = Schema.Codec<Frame, unknown>

/**
 * The schema of the frames of a subtask whose ports take elements of `schemas`. The same schemas give
 * the same schema, so that its codec is compiled once a thread.
 *
 * @category schemas
 * @since 0.1.0
 */
export const schema = (schemas: ReadonlyArray<AnySchema>): FrameSchema => {
  let known = byFirst.get(schemas[0])
  if (known === undefined) byFirst.set(schemas[0], (known = []))
  const found = known.find(({ all }) => all.length === schemas.length && all.every((one, i) => one === schemas[i]))
  if (found !== undefined) return found.schema
  const data = schemas.map((values, port) =>
    Schema.Struct({
      _tag: Schema.Literal(`Data${port}`),
      from: Schema.Int,
      times: Schema.Array(Schema.Number),
      values: Schema.Array(Schema.make<AnySchema>(elementOf(values.ast)))
    })
  )
  const made = Schema.Union([...data, ...control]) as unknown as FrameSchema
  known.push({ all: schemas, schema: made })
  return made
}

/** The codec of such frames. Throws a `CodecError` if an element has none. */
export const codec = (schemas: ReadonlyArray<AnySchema>): Codec.Codec<Frame> => Codec.make(schema(schemas))
