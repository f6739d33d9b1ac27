import * as Schema from "effect/Schema"

const Int = Schema.Int
const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

class Point extends Schema.Class<Point>("Point")({ x: Schema.Number, y: Schema.Number, name: Schema.String }) {}

class Circle extends Schema.TaggedClass<Circle>()("Circle", {
  center: Point,
  radius: Schema.Finite,
  label: Schema.optionalKey(Schema.String)
}) {}

export class Broken extends Schema.TaggedError<Broken>()("Broken", {
  reason: Schema.Literals(["Closed", "Lost"]),
  attempts: between(0, 255),
  at: Schema.optionalKey(Schema.Int)
}) {}

interface Tree {
  readonly value: number
  readonly children: ReadonlyArray<Tree>
}
const Tree = Schema.Struct({
  value: Schema.Int,
  children: Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree))
})

const Move = Schema.Union([
  Schema.TaggedStruct("Step", { by: between(-1000, 1000) }),
  Schema.TaggedStruct("Jump", { to: Schema.Tuple([Schema.Number, Schema.Number]), why: Schema.String }),
  Schema.TaggedStruct("Rest", {})
])

/** Every form that the codec writes itself. */
export const native = {
  number: Schema.Number,
  finite: Schema.Finite,
  int: Int,
  int32: Int.check(Schema.isInt32()),
  uint32: Int.check(Schema.isUint32()),
  int16: between(-0x8000, 0x7fff),
  uint16: between(0, 0xffff),
  int8: between(-0x80, 0x7f),
  uint8: between(0, 0xff),
  percent: between(0, 100),
  natural: Schema.Natural,
  above: Int.check(Schema.isGreaterThan(-3), Schema.isLessThan(70_000)),
  even: Int.check(Schema.isMultipleOf(2)),
  boolean: Schema.Boolean,
  string: Schema.String,
  name: Schema.String.check(Schema.isMinLength(2), Schema.isMaxLength(12)).pipe(Schema.brand("Name")),
  bigint: Schema.BigInt,
  bytes: Schema.Uint8Array,
  date: Schema.Date,
  dateTime: Schema.DateTimeUtc,
  literal: Schema.Literal("only"),
  literals: Schema.Literals(["a", "b", 3, true, 10n]),
  nullable: Schema.NullOr(Schema.Int),
  nullableText: Schema.NullOr(Schema.String),
  undefinable: Schema.UndefinedOr(Schema.Boolean),
  nullish: Schema.NullishOr(Schema.Literals(["x", "y"])),
  nullableStruct: Schema.NullOr(Schema.Struct({ a: Schema.Number, b: Schema.Number, c: Schema.String })),
  pair: Schema.Tuple([Schema.String, Schema.Int]),
  flat: Schema.Struct({ id: Int, key: Schema.String, value: Schema.Number }),
  mixed: Schema.Struct({
    on: Schema.Boolean,
    tiny: between(0, 9),
    small: between(-300, 300),
    off: Schema.Boolean,
    word: Int.check(Schema.isInt32()),
    wide: Schema.Number,
    text: Schema.String,
    nested: Schema.Struct({ on: Schema.Boolean, deep: Schema.Struct({ wide: Schema.Number, text: Schema.String }) })
  }),
  flags: Schema.Struct(Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`flag${i}`, Schema.Boolean]))),
  optional: Schema.Struct({
    a: Schema.optionalKey(Schema.Number),
    b: Schema.optional(Schema.String),
    c: Schema.optionalKey(Schema.NullOr(Schema.Int)),
    d: Schema.optional(Schema.Struct({ x: Schema.Number, y: Schema.Number, z: Schema.Array(Schema.String) })),
    e: Schema.Boolean
  }),
  awkward: Schema.Struct({
    ["__proto__"]: Schema.String,
    constructor: Schema.optionalKey(Schema.Int),
    toString: Schema.optionalKey(Schema.String),
    'quo"te\\\n\u2028': Schema.Int,
    "": Schema.Boolean,
    0: Schema.Number
  }),
  numbers: Schema.Array(Schema.Number),
  shorts: Schema.Array(between(-5, 30_000)),
  booleans: Schema.Array(Schema.Boolean),
  constants: Schema.Array(Schema.Literal(7)),
  strings: Schema.Array(Schema.String),
  matrix: Schema.Array(Schema.Array(Schema.Number)),
  rows: Schema.Array(Schema.Struct({ id: Int, tags: Schema.Array(Schema.String), on: Schema.Boolean })),
  nonEmpty: Schema.NonEmptyArray(Schema.Int),
  union: Move,
  unions: Schema.Array(Move),
  byVersion: Schema.Union([
    Schema.Struct({ version: Schema.Literal(1), name: Schema.String }),
    Schema.Struct({ version: Schema.Literal(2), names: Schema.Array(Schema.String) })
  ]),
  point: Point,
  circle: Circle,
  shape: Schema.Union([Circle, Schema.TaggedStruct("Square", { side: Schema.Number })]),
  broken: Broken,
  filtered: Schema.Struct({ low: Int, high: Int }).check(
    Schema.makeFilter(({ high, low }) => low !== high || low === 0)
  )
} as const

/** Some forms that it hands on to SchemaBinary. */
export const foreign = {
  primitives: Schema.Union([Schema.String, Schema.Number]),
  record: Schema.Record(Schema.String, Schema.Number),
  fromString: Schema.Struct({ n: Schema.BigIntFromString, plain: Schema.Number }),
  option: Schema.Struct({ maybe: Schema.Option(Schema.String), key: Schema.String }),
  duration: Schema.Array(Schema.Duration),
  template: Schema.TemplateLiteral(["id-", Schema.Int]),
  tree: Tree,
  restTuple: Schema.TupleWithRest(Schema.Tuple([Schema.String]), [Schema.Number])
} as const

export const schemas = { ...native, ...foreign }
