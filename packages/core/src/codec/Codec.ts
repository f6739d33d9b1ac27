/**
 * Bytes ⇄ value, compiled from a schema.
 *
 * A codec writes field by field straight into a ring and reads straight out of it: `Plan` tells
 * the layout, `generate` and `interpret` are the two ways to run it. The same schema gives the same
 * codec, so it is compiled once a thread.
 *
 * Both directions test types, ranges and the schema's own checks. A value that does not fit and
 * bytes that are no encoding are a `CodecError`; reading never looks outside the bytes it was given,
 * and never allocates more than a small multiple of them.
 *
 * What comes back is what went, but for three things: `-0` in a field of 8, 16 or 32 bits is `0`,
 * fields that the schema does not know are dropped, and SchemaBinary replaces lone surrogates.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { ByteMemory } from "../ring/ByteMemory.ts"
import * as blobs from "./blobs.ts"
import { CodecError } from "./CodecError.ts"
import type { Codec } from "./CodecModel.ts"
import { compile } from "./compile.ts"
import { sharedMemoryId } from "./planOf.ts"

export { CodecError } from "./CodecError.ts"

export type { Codec } from "./CodecModel.ts"

const codecs = new WeakMap<Schema.Constraint, Codec<unknown>>()

/**
 * The codec of a schema's type side. Throws a `CodecError` for a schema that has no encoding.
 *
 * Native are numbers, strings, booleans, bigints, bytes, dates, literals, structs, classes, tuples,
 * arrays, `null` and `undefined`, and unions of structs told apart by a literal. Everything else
 * goes through `effect/encoding/SchemaBinary`, field by field.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <S extends Schema.ConstraintCodec<unknown, unknown>>(schema: S): Codec<S["Type"]> => {
  let codec = codecs.get(schema)
  if (codec === undefined) {
    codec = compile(schema.ast)
    codecs.set(schema, codec)
  }
  return codec as Codec<S["Type"]>
}

/**
 * The layout in words.
 *
 * @category converting
 * @since 0.1.0
 */
export const format = <A>(codec: Codec<A>): string => codec.layout

/**
 * Encodes into bytes of their own. Throws a `CodecError` if the value does not fit, or if a part of
 * it would have to travel beside the bytes.
 *
 * @category converting
 * @since 0.1.0
 */
export const encode = <A>(codec: Codec<A>, value: A): Uint8Array<ArrayBuffer> => {
  const buffer = new ArrayBuffer((codec.bound(value) + 7) & ~7)
  const memory = new ByteMemory(buffer)
  const end = codec.write(memory, 0, value)
  if (memory.attachments.length > 0) throw new CodecError("$", "moved or shared memory has no bytes of its own")
  return new Uint8Array(buffer, 0, end)
}

/**
 * Decodes what `encode` made. Throws a `CodecError` if the bytes are no encoding.
 *
 * @category converting
 * @since 0.1.0
 */
export const decode = <A>(codec: Codec<A>, bytes: Uint8Array): A => {
  const aligned = new Uint8Array((bytes.length + 7) & ~7)
  aligned.set(bytes)
  return codec.read(new ByteMemory(aligned.buffer), 0, bytes.length)
}

/**
 * Marks bytes to be moved: the next message that carries exactly this view takes its buffer along
 * instead of copying it, and the sender's view is empty afterwards. A view of a part of its buffer,
 * or of shared memory, is copied all the same.
 *
 * @category attachments
 * @since 0.1.0
 */
export const moved = (bytes: Uint8Array): Uint8Array => blobs.markMoved(bytes)

/**
 * Where the bytes that codecs read get their memory. For platforms: each of them is overwritten, so it
 * need not be zeroed.
 *
 * @category accessors
 * @since 0.1.0
 */
export const installAllocator: (unzeroed: (bytes: number) => Uint8Array<ArrayBuffer>) => void = blobs.installAllocator

/**
 * Memory that sender and receiver share from then on; it is never copied.
 *
 * @category schemas
 * @since 0.1.0
 */
export const SharedMemory: Schema.declare<SharedArrayBuffer> = Schema.declare(
  (value): value is SharedArrayBuffer => value instanceof SharedArrayBuffer,
  { representation: { id: sharedMemoryId, payload: null }, expected: "a SharedArrayBuffer" }
)
