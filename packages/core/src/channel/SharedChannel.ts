/**
 * A typed queue across threads: SPSC, MPSC and MPMC, bounded or not, all made of lanes.
 *
 * The thread that makes a channel owns it: the channel lives as long as the scope it was made in.
 * Its halves travel as handles; each is attached to one thread, by whoever receives the handle.
 * Both ends name the schema, and attaching compares its fingerprint.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { type Codec, CodecError, make as makeCodec } from "../codec/Codec.ts"
import { InvalidConfig } from "../errors/Errors.ts"
import { Mesh } from "../ring/Mesh.ts"
import { ReceiverPort } from "../ring/ReceiverPort.ts"
import { RingFault } from "../ring/RingFault.ts"
import { SenderPort } from "../ring/SenderPort.ts"
import { type ChannelOptions, type ChannelOptionsInput, decode, laneBytes } from "./ChannelOptions.ts"
import { type ChannelStats, ChannelStatsReader } from "./ChannelStats.ts"
import { FrameReader } from "./FrameReader.ts"
import { FrameWriter } from "./FrameWriter.ts"
import type { ReceiverHandle, SenderHandle } from "./Handle.ts"
import { type Receiver, ReceiverImpl } from "./Receiver.ts"
import { type Sender, SenderImpl } from "./Sender.ts"
import * as ThreadIdentity from "./ThreadIdentity.ts"

/**
 * A channel in the thread that made it.
 *
 * @category models
 * @since 0.1.0
 */
export interface SharedChannel<in out A> {
  readonly name: string
  readonly flavour: Flavour
  /** The first sender's place. */
  readonly sender: SenderHandle<A>
  /** The first receiver's place. */
  readonly receiver: ReceiverHandle<A>
  /** A place for one more sender; fails when `maxSenders` places were handed out. */
  readonly cloneSender: Effect.Effect<SenderHandle<A>, InvalidConfig>
  /** A place for one more receiver; fails when `maxReceivers` places were handed out. */
  readonly cloneReceiver: Effect.Effect<ReceiverHandle<A>, InvalidConfig>
  readonly stats: Effect.Effect<ChannelStats>
  /** Counts from zero again, as this thread sees it. */
  readonly resetStats: Effect.Effect<void>
  /** Refuses further messages; what was sent can still be received. */
  readonly close: Effect.Effect<void>
}

/**
 * @category models
 * @since 0.1.0
 */
export type Flavour = "spsc" | "mpsc" | "mpmc"

const compile = <A>(schema: Schema.Codec<A, unknown>, where: string): Effect.Effect<Codec<A>, InvalidConfig> =>
  Effect.try({
    try: () => makeCodec(schema),
    catch: (cause) =>
      new InvalidConfig({
        option: `${where}.schema`,
        value: cause instanceof CodecError ? cause.path : "?",
        allowed: cause instanceof CodecError ? cause.detail : String(cause)
      })
  })

const make = Effect.fnUntraced(function* <A>(
  flavour: Flavour,
  schema: Schema.Codec<A, unknown>,
  input: ChannelOptionsInput | undefined
): Effect.fn.Return<SharedChannel<A>, InvalidConfig, Scope.Scope> {
  const where = `SharedChannel.${flavour}`
  const options = yield* decode(where, input)
  const codec = yield* compile(schema, where)
  const mesh = Mesh.make({
    senders: flavour === "spsc" ? 1 : options.maxSenders,
    receivers: flavour === "mpmc" ? options.maxReceivers : 1,
    laneBytes: laneBytes(options),
    laneMessages: options.capacity,
    fingerprint: codec.fingerprint,
    awaitSuccessor: options.onReceiverDeath === "wait",
    id: [(Math.random() * 2 ** 32) | 0, (Math.random() * 2 ** 32) | 0]
  })
  yield* Effect.addFinalizer(() => Effect.sync(() => mesh.shut()))
  return fromMesh(flavour, mesh, options)
})

const fromMesh = <A>(flavour: Flavour, mesh: Mesh, options: ChannelOptions): SharedChannel<A> => {
  const { ack, name, unbounded, wait } = options
  const memory = mesh.memory.buffer as SharedArrayBuffer
  const reader = new ChannelStatsReader(mesh)
  const senderHandle = (): SenderHandle<A> | undefined => {
    const slot = mesh.reserve("sender")
    return slot < 0 ? undefined : { _tag: "SenderHandle", channel: name, memory, slot, wait, unbounded }
  }
  const receiverHandle = (): ReceiverHandle<A> | undefined => {
    const slot = mesh.reserve("receiver")
    return slot < 0 ? undefined : { _tag: "ReceiverHandle", channel: name, memory, slot, wait, ack }
  }
  const clone = <H>(take: () => H | undefined, option: string, places: number): Effect.Effect<H, InvalidConfig> =>
    Effect.suspend(() => {
      const handle = take()
      return handle === undefined
        ? Effect.fail(
            new InvalidConfig({
              option: `SharedChannel.${flavour}.${option}`,
              value: places,
              allowed: `all ${places} places of channel ${name} were handed out`
            })
          )
        : Effect.succeed(handle)
    })
  return {
    name,
    flavour,
    sender: senderHandle()!,
    receiver: receiverHandle()!,
    cloneSender: clone(senderHandle, "maxSenders", mesh.senders),
    cloneReceiver: clone(receiverHandle, "maxReceivers", mesh.receivers),
    stats: Effect.sync(() => reader.read()),
    resetStats: Effect.sync(() => reader.reset()),
    close: Effect.sync(() => mesh.shut())
  }
}

/**
 * One sender, one receiver.
 *
 * @category constructors
 * @since 0.1.0
 */
export const spsc = <A>(
  schema: Schema.Codec<A, unknown>,
  options?: ChannelOptionsInput
): Effect.Effect<SharedChannel<A>, InvalidConfig, Scope.Scope> => make("spsc", schema, options)

/**
 * Many senders, one receiver, which takes from them in turn.
 *
 * @category constructors
 * @since 0.1.0
 */
export const mpsc = <A>(
  schema: Schema.Codec<A, unknown>,
  options?: ChannelOptionsInput
): Effect.Effect<SharedChannel<A>, InvalidConfig, Scope.Scope> => make("mpsc", schema, options)

/**
 * Many senders, many receivers; a message goes to one receiver, the least loaded when it was sent.
 *
 * @category constructors
 * @since 0.1.0
 */
export const mpmc = <A>(
  schema: Schema.Codec<A, unknown>,
  options?: ChannelOptionsInput
): Effect.Effect<SharedChannel<A>, InvalidConfig, Scope.Scope> => make("mpmc", schema, options)

const invalidHandle = (where: string, value: unknown, allowed: string) =>
  new InvalidConfig({ option: where, value, allowed })

const open = Effect.fnUntraced(function* <A>(
  where: string,
  tag: "SenderHandle" | "ReceiverHandle",
  schema: Schema.Codec<A, unknown>,
  handle: SenderHandle<A> | ReceiverHandle<A>
): Effect.fn.Return<{ readonly mesh: Mesh; readonly codec: Codec<A> }, InvalidConfig> {
  if (handle?._tag !== tag || !(handle.memory instanceof SharedArrayBuffer)) {
    return yield* invalidHandle(where, handle?._tag, `a ${tag} of a SharedChannel`)
  }
  const codec = yield* compile(schema, where)
  const mesh = yield* Effect.try({
    try: () => Mesh.open(handle.memory),
    catch: (fault) => invalidHandle(`${where}.memory`, handle.channel, fault instanceof Error ? fault.message : "?")
  })
  const slots = tag === "SenderHandle" ? mesh.senders : mesh.receivers
  if (!Number.isInteger(handle.slot) || handle.slot < 0 || handle.slot >= slots) {
    return yield* invalidHandle(`${where}.slot`, handle.slot, `0 to ${slots - 1}`)
  }
  if (mesh.fingerprint[0] !== codec.fingerprint[0] || mesh.fingerprint[1] !== codec.fingerprint[1]) {
    return yield* invalidHandle(
      `${where}.schema`,
      handle.channel,
      "the schema that the channel was made with; this one has another layout"
    )
  }
  return { mesh, codec }
})

const claim = <A>(where: string, handle: { readonly channel: string }, attach: () => A): Effect.Effect<A, InvalidConfig> =>
  Effect.try({
    try: attach,
    catch: (fault) =>
      invalidHandle(
        where,
        handle.channel,
        `one attachment a handle; this one is ${fault instanceof RingFault ? fault.message : String(fault)}`
      )
  })

/**
 * Attaches the sender that `handle` has a place for, to this thread, until the scope closes. Fails
 * if it is attached already, closed, or made with another schema. After the death of the thread
 * that had it, the next to attach goes on where it stopped.
 *
 * @category constructors
 * @since 0.1.0
 */
export const attachSender = Effect.fnUntraced(function* <A>(
  schema: Schema.Codec<A, unknown>,
  handle: SenderHandle<A>
): Effect.fn.Return<Sender<A>, InvalidConfig, Scope.Scope> {
  const where = "SharedChannel.attachSender"
  const { codec, mesh } = yield* open(where, "SenderHandle", schema, handle)
  const scope = yield* Effect.scope
  const runFork = Effect.runForkWith(yield* Effect.context())
  return yield* Effect.acquireRelease(
    claim(
      where,
      handle,
      () =>
        new SenderImpl<A>(
          handle.channel,
          new FrameWriter(SenderPort.attach(mesh, handle.slot, ThreadIdentity.current())),
          codec,
          handle.wait,
          handle.unbounded ? (pump) => void Fiber.runIn(runFork(pump), scope) : undefined
        )
    ),
    (sender) => sender.close
  )
})

/**
 * Attaches the receiver that `handle` has a place for, to this thread, until the scope closes.
 * Fails as `attachSender` does. After the death of the thread that had it, the next to attach
 * receives what was not acknowledged, in order.
 *
 * @category constructors
 * @since 0.1.0
 */
export const attachReceiver = Effect.fnUntraced(function* <A>(
  schema: Schema.Codec<A, unknown>,
  handle: ReceiverHandle<A>
): Effect.fn.Return<Receiver<A>, InvalidConfig, Scope.Scope> {
  const where = "SharedChannel.attachReceiver"
  const { codec, mesh } = yield* open(where, "ReceiverHandle", schema, handle)
  return yield* Effect.acquireRelease(
    claim(
      where,
      handle,
      () =>
        new ReceiverImpl<A>(
          handle.channel,
          new FrameReader(ReceiverPort.attach(mesh, handle.slot, ThreadIdentity.current())),
          codec,
          handle.ack,
          handle.wait
        )
    ),
    (receiver) => receiver.close
  )
})

/**
 * Tells a channel that a thread is gone: whatever it held is marked dead, and everybody who waits
 * on it learns so. A platform that starts threads calls it; returns how many halves it held.
 *
 * @category accessors
 * @since 0.1.0
 */
export const bury = (
  handle: SenderHandle<never> | ReceiverHandle<unknown>,
  owner: number
): Effect.Effect<number> => Effect.sync(() => Mesh.open(handle.memory).bury(owner))
