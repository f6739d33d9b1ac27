/**
 * What the codec does not write itself goes through `effect/encoding/SchemaBinary`, as bytes with
 * a length: transformations, records, recursive schemas, templates, Option, Duration, …
 *
 * The size of such bytes is known only once they exist. So `bound` encodes, and keeps the bytes
 * for the `write` that follows; `Pending` is emptied when the next value is measured.
 *
 * @since 0.1.0
 */
import * as SchemaBinary from "effect/encoding/SchemaBinary"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import { representationOf } from "./checks.ts"
import { CodecError } from "./CodecError.ts"

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

interface Encoded {
  readonly value: unknown
  readonly bytes: Uint8Array
}

/**
 * @category models
 * @since 0.1.0
 */
export class Foreign {
  /** The encoded side, in words: part of the fingerprint. */
  readonly layout: string
  private readonly encodeSync: (value: unknown) => Uint8Array
  private readonly decodeSync: (bytes: unknown) => unknown
  /** What `bound` encoded and `write` has not taken yet, in order. */
  private pending: Array<Encoded> = []
  private taken = 0

  constructor(ast: SchemaAST.AST, path: string) {
    this.layout = describe(SchemaAST.toEncoded(ast), 0)
    try {
      const schema = SchemaBinary.toCodec(Schema.make<Schema.ConstraintCodec<unknown, unknown>>(ast), {
        fingerprint: true
      })
      this.encodeSync = Schema.encodeUnknownSync(schema)
      this.decodeSync = Schema.decodeUnknownSync(schema)
    } catch (cause) {
      throw new CodecError(path, `this schema has no encoding: ${messageOf(cause)}`, -1, { cause })
    }
  }

  /** Forgets what was measured and never written. */
  reset(): void {
    if (this.pending.length > 0) this.pending = []
    this.taken = 0
  }

  /** Exact size of the encoding, in bytes; 0 for a value that has none: `encode` tells why. */
  bound(value: unknown): number {
    try {
      const bytes = this.encodeSync(value)
      this.pending.push({ value, bytes })
      return bytes.byteLength
    } catch {
      return 0
    }
  }

  encode(value: unknown, path: string): Uint8Array {
    const next = this.pending[this.taken]
    if (next !== undefined && Object.is(next.value, value)) {
      this.taken += 1
      if (this.taken === this.pending.length) this.reset()
      return next.bytes
    }
    try {
      return this.encodeSync(value)
    } catch (cause) {
      throw new CodecError(path, messageOf(cause), -1, { cause })
    }
  }

  decode(bytes: Uint8Array, path: string, offset: number): unknown {
    try {
      return this.decodeSync(bytes)
    } catch (cause) {
      throw new CodecError(path, messageOf(cause), offset, { cause })
    }
  }
}

/** The deepest level that a description goes to; recursive schemas have no bottom. */
const deepest = 12

const describe = (ast: SchemaAST.AST, depth: number): string => {
  if (depth > deepest) return "…"
  const inner = (child: SchemaAST.AST): string => (SchemaAST.isOptional(child) ? "?" : "") + describe(child, depth + 1)
  switch (ast._tag) {
    case "Literal":
      return typeof ast.literal === "bigint" ? `${ast.literal}n` : JSON.stringify(ast.literal)
    case "Enum":
      return JSON.stringify(ast.enums)
    case "Objects": {
      const fields = ast.propertySignatures.map(({ name, type }) => `${JSON.stringify(String(name))}:${inner(type)}`)
      const records = ast.indexSignatures.map(({ parameter, type }) => `[${inner(parameter)}]:${inner(type)}`)
      return `{${[...fields, ...records].join(",")}}`
    }
    case "Arrays":
      return `[${ast.elements.map(inner).join(",")}${ast.rest.map((rest) => `;${inner(rest)}`).join("")}]`
    case "Union":
      return `(${ast.types.map(inner).join("|")})`
    case "Suspend":
      return describe(ast.thunk(), depth + 4)
    case "Declaration": {
      const name = representationOf(ast.annotations) ?? ast.annotations?.identifier ?? "Declaration"
      return `${String(name)}<${ast.typeParameters.map(inner).join(",")}>`
    }
    default:
      return ast._tag
  }
}
