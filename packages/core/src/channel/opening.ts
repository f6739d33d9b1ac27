/**
 * From a handle, which may come from anywhere, to the memory that it names: every way in which it
 * can be wrong is an `InvalidConfig` that names what is.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import { type Codec, CodecError, make as makeCodec } from "../codec/Codec.ts"
import { InvalidConfig } from "../errors/Errors.ts"
import * as Options from "../errors/Options.ts"
import { Mesh } from "../ring/Mesh.ts"
import { RingFault } from "../ring/RingFault.ts"
import { type AnyHandle, ReceiverHandle, SenderHandle } from "./Handle.ts"

const senderHandle = SenderHandle<unknown>()
const receiverHandle = ReceiverHandle<unknown>()

const describeFault = (fault: unknown): string =>
  fault instanceof RingFault ? `${fault.message} (byte ${fault.offset})` : String(fault)

/** The codec of a schema. */
export const compile = <A>(schema: Schema.Codec<A, unknown>, where: string): Effect.Effect<Codec<A>, InvalidConfig> =>
  Effect.try({
    try: () => makeCodec(schema),
    catch: (cause) =>
      new InvalidConfig({
        option: `${where}.schema`,
        value: cause instanceof CodecError ? cause.path : "?",
        allowed: cause instanceof CodecError ? cause.detail : String(cause)
      })
  })

/** The memory that a handle names; `tag` is the half that it must be of. */
export const openMesh = Effect.fnUntraced(function* (
  where: string,
  tag: AnyHandle["_tag"] | undefined,
  handle: AnyHandle
): Effect.fn.Return<Mesh, InvalidConfig> {
  // It may have crossed a thread without a schema: whatever the types say.
  const given = (handle as AnyHandle | null | undefined)?._tag
  if (tag !== undefined && given !== undefined && given !== tag) {
    return yield* new InvalidConfig({ option: `${where}._tag`, value: given, allowed: tag })
  }
  const wanted = tag ?? given
  const { channel, memory, slot } =
    wanted === "ReceiverHandle"
      ? yield* Options.decode(receiverHandle, where, handle)
      : yield* Options.decode(senderHandle, where, handle)
  const mesh = yield* Effect.try({
    try: () => Mesh.open(memory),
    catch: (fault) =>
      new InvalidConfig({
        option: `${where}.memory`,
        value: channel,
        allowed: describeFault(fault)
      })
  })
  const slots = wanted === "ReceiverHandle" ? mesh.receivers : mesh.senders
  if (slot < 0 || slot >= slots) {
    return yield* new InvalidConfig({ option: `${where}.slot`, value: slot, allowed: `0 to ${slots - 1}` })
  }
  if (mesh.highWater < 0 || mesh.highWater > mesh.senders) {
    return yield* new InvalidConfig({
      option: `${where}.memory`,
      value: channel,
      allowed: `the header says that ${mesh.highWater} of ${mesh.senders} places for senders were handed out`
    })
  }
  return mesh
})

/** As `openMesh`, and compares the schema with the one that the channel was made with. */
export const openHalf = Effect.fnUntraced(function* <A>(
  where: string,
  tag: AnyHandle["_tag"],
  schema: Schema.Codec<A, unknown>,
  handle: AnyHandle
): Effect.fn.Return<{ readonly mesh: Mesh; readonly codec: Codec<A> }, InvalidConfig> {
  const mesh = yield* openMesh(where, tag, handle)
  const codec = yield* compile(schema, where)
  if (mesh.fingerprint[0] !== codec.fingerprint[0] || mesh.fingerprint[1] !== codec.fingerprint[1]) {
    return yield* new InvalidConfig({
      option: `${where}.schema`,
      value: handle.channel,
      allowed: "the schema that the channel was made with; this one has another layout"
    })
  }
  return { mesh, codec }
})

/** Runs an attachment, which fails if the place is taken, closed or was never reserved, or if the memory is corrupt. */
export const claim = <A>(where: string, channel: string, attach: () => A): Effect.Effect<A, InvalidConfig> =>
  Effect.try({
    try: attach,
    catch: (fault) =>
      fault instanceof RingFault && fault.reason === "refused"
        ? new InvalidConfig({
            option: where,
            value: channel,
            allowed: `one attachment a handle; this one is ${fault.message}`
          })
        : new InvalidConfig({ option: `${where}.memory`, value: channel, allowed: describeFault(fault) })
  })
