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
import type * as Scope from "effect/Scope"
import { InvalidConfig } from "../errors/Errors.ts"
import { maxBytes, totalBytes } from "../ring/layout.ts"
import type { Mesh } from "../ring/Mesh.ts"
import { ReceiverPort } from "../ring/ReceiverPort.ts"
import { SenderPort } from "../ring/SenderPort.ts"
import { type ChannelOptions, type ChannelOptionsInput, decode, laneBytes } from "./ChannelOptions.ts"
import { type ChannelStats, ChannelStatsReader } from "./ChannelStats.ts"
import { FrameReader } from "./FrameReader.ts"
import { FrameWriter } from "./FrameWriter.ts"
import type { AnyHandle, ReceiverHandle, SenderHandle } from "./Handle.ts"
import { claim, compile, openHalf, openMesh } from "./opening.ts"
import { type Receiver, ReceiverImpl } from "./Receiver.ts"
import * as Registry from "./Registry.ts"
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

const make = Effect.fnUntraced(function* <A>(
  flavour: Flavour,
  schema: Schema.Codec<A, unknown>,
  input: ChannelOptionsInput | undefined
): Effect.fn.Return<SharedChannel<A>, InvalidConfig, Scope.Scope> {
  const where = `SharedChannel.${flavour}`
  const options = yield* decode(where, input)
  const codec = yield* compile(schema, where)
  const senders = flavour === "spsc" ? 1 : options.maxSenders
  const receivers = flavour === "mpmc" ? options.maxReceivers : 1
  const bytes = totalBytes(senders, receivers, laneBytes(options))
  const tooLarge = (allowed: string) =>
    new InvalidConfig({ option: `${where}: capacityBytes × maxSenders × maxReceivers`, value: bytes, allowed })
  if (bytes > maxBytes) {
    return yield* tooLarge(
      `at most ${maxBytes} bytes in all; it is ${laneBytes(options)} × ${senders} × ${receivers}, and their control words`
    )
  }
  const acquire = Effect.suspend(() => {
    try {
      const mesh = Registry.make({
        senders,
        receivers,
        laneBytes: laneBytes(options),
        laneMessages: options.capacity,
        fingerprint: codec.fingerprint,
        awaitSuccessor: options.onReceiverDeath === "wait"
      })
      return Effect.succeed(mesh)
    } catch (cause) {
      if (cause instanceof RangeError) return Effect.fail(tooLarge(`as much as there is memory for: ${cause.message}`))
      throw cause
    }
  })
  const mesh = yield* Effect.acquireRelease(acquire, (mesh) =>
    Effect.sync(() => {
      mesh.shut()
      Registry.remove(mesh)
    })
  )
  return fromMesh(flavour, mesh, options)
})

/** The place that `take` found, or why there is none. */
const orExhausted = <H>(
  take: () => H | undefined,
  channel: string,
  role: "senders" | "receivers",
  places: number
): Effect.Effect<H, InvalidConfig> =>
  Effect.suspend(() => {
    const handle = take()
    return handle === undefined
      ? Effect.fail(
          new InvalidConfig({
            option: `channel ${channel}: ${role}`,
            value: places + 1,
            allowed: `at most ${places}, and all were handed out; a place is used once`
          })
        )
      : Effect.succeed(handle)
  })

const fromMesh = <A>(flavour: Flavour, mesh: Mesh, options: ChannelOptions): SharedChannel<A> => {
  const { ack, name, unbounded, wait } = options
  const memory = mesh.memory.buffer as SharedArrayBuffer
  const reader = new ChannelStatsReader(mesh)
  const newSender = (): SenderHandle<A> | undefined => {
    const slot = mesh.reserve("sender")
    return slot < 0 ? undefined : { _tag: "SenderHandle", channel: name, memory, slot, wait, unbounded }
  }
  const newReceiver = (): ReceiverHandle<A> | undefined => {
    const slot = mesh.reserve("receiver")
    return slot < 0 ? undefined : { _tag: "ReceiverHandle", channel: name, memory, slot, wait, ack }
  }
  return {
    name,
    flavour,
    sender: newSender()!,
    receiver: newReceiver()!,
    cloneSender: orExhausted(newSender, name, "senders", mesh.senders),
    cloneReceiver: orExhausted(newReceiver, name, "receivers", mesh.receivers),
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

/** How long closing a scope waits for room for what an unbounded sender keeps, in milliseconds. */
const lingerMillis = 5000

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
  const { codec, mesh } = yield* openHalf(where, "SenderHandle", schema, handle)
  const scope = yield* Effect.scope
  const runFork = Effect.runForkWith(yield* Effect.context())
  return yield* Effect.acquireRelease(
    claim(
      where,
      handle.channel,
      () =>
        new SenderImpl<A>(
          handle.channel,
          new FrameWriter(SenderPort.attach(mesh, handle.slot, ThreadIdentity.current())),
          codec,
          handle.wait,
          handle.unbounded ? (pump) => void Fiber.runIn(runFork(pump), scope) : undefined
        )
    ),
    (sender) => sender.closeWithin(lingerMillis)
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
  const { codec, mesh } = yield* openHalf(where, "ReceiverHandle", schema, handle)
  return yield* Effect.acquireRelease(
    claim(
      where,
      handle.channel,
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
 * A place for one more sender of the channel that `handle` belongs to, from any thread. Fails when
 * all places were handed out (an SPSC channel has one). Clone before the last sender closes: the
 * end that a receiver saw is final for it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const cloneSender = Effect.fnUntraced(function* <A>(
  handle: SenderHandle<A>
): Effect.fn.Return<SenderHandle<A>, InvalidConfig> {
  const mesh = yield* openMesh("SharedChannel.cloneSender", "SenderHandle", handle)
  const slot = orExhausted(() => placeIn(mesh, "sender"), handle.channel, "senders", mesh.senders)
  return { ...handle, slot: yield* slot }
})

/**
 * A place for one more receiver of the channel that `handle` belongs to, from any thread. Fails
 * when all places were handed out (only an MPMC channel has more than one).
 *
 * Senders count a place as a receiver from here on: one that is never attached keeps what it was
 * sent.
 *
 * @category constructors
 * @since 0.1.0
 */
export const cloneReceiver = Effect.fnUntraced(function* <A>(
  handle: ReceiverHandle<A>
): Effect.fn.Return<ReceiverHandle<A>, InvalidConfig> {
  const mesh = yield* openMesh("SharedChannel.cloneReceiver", "ReceiverHandle", handle)
  const slot = orExhausted(() => placeIn(mesh, "receiver"), handle.channel, "receivers", mesh.receivers)
  return { ...handle, slot: yield* slot }
})

const placeIn = (mesh: Mesh, role: "sender" | "receiver"): number | undefined => {
  const slot = mesh.reserve(role)
  return slot < 0 ? undefined : slot
}

/**
 * What the channel of a handle counted so far, from any thread.
 *
 * @category accessors
 * @since 0.1.0
 */
export const stats = (handle: AnyHandle): Effect.Effect<ChannelStats, InvalidConfig> =>
  Effect.map(statsReader(handle), (reader) => reader.read())

/**
 * A reader of the statistics of a handle's channel, with a `reset` of its own: other readers go on
 * counting from where they are.
 *
 * @category accessors
 * @since 0.1.0
 */
export const statsReader = (handle: AnyHandle): Effect.Effect<ChannelStatsReader, InvalidConfig> =>
  Effect.map(openMesh("SharedChannel.stats", undefined, handle), (mesh) => new ChannelStatsReader(mesh))

/**
 * Tells a channel that a thread is gone: whatever it held is marked dead, and everybody who waits
 * on it learns so. A platform that starts threads calls it; returns how many halves it held.
 *
 * @category accessors
 * @since 0.1.0
 */
export const bury = (handle: AnyHandle, owner: number): Effect.Effect<number, InvalidConfig> =>
  Effect.map(openMesh("SharedChannel.bury", undefined, handle), (mesh) => mesh.bury(owner))

/**
 * Gives up waiting for a successor of a dead receiver: what it did not acknowledge is read by
 * the other receivers. False if the receiver is not dead.
 *
 * @category accessors
 * @since 0.1.0
 */
export const retire = <A>(handle: ReceiverHandle<A>): Effect.Effect<boolean, InvalidConfig> =>
  Effect.map(openMesh("SharedChannel.retire", "ReceiverHandle", handle), (mesh) =>
    mesh.retire(mesh.receiverEndpoint(handle.slot))
  )
