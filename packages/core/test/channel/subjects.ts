import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type { ChannelOptionsInput } from "../../src/channel/ChannelOptions.ts"
import * as SharedChannel from "../../src/channel/SharedChannel.ts"
import * as ThreadIdentity from "../../src/channel/ThreadIdentity.ts"
import { Message, type Subject } from "../../src/testing/laws/ChannelLaws.ts"

const make = { spsc: SharedChannel.spsc, mpsc: SharedChannel.mpsc, mpmc: SharedChannel.mpmc }

export const flavours = { spsc: [1, 1], mpsc: [3, 1], mpmc: [3, 2] } as const

export type FlavourName = keyof typeof flavours

/** Attaches under a name of its own, so that its death can be told from that of this thread. */
export const asThread = <A, E, R>(attach: Effect.Effect<A, E, R>): Effect.Effect<readonly [A, number], E, R> =>
  Effect.suspend(() => {
    const before = ThreadIdentity.current()
    const owner = ThreadIdentity.makeVirtual()
    return Effect.acquireUseRelease(
      Effect.sync(() => ThreadIdentity.set(owner)),
      () => Effect.map(attach, (attached) => [attached, owner] as const),
      () => Effect.sync(() => ThreadIdentity.set(before))
    )
  })

/** The whole numbers `from` to `to`. */
export const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index)

/** The first sender and the first receiver of a channel, in this thread. */
export const attachBoth = Effect.fnUntraced(function* <A>(
  schema: Schema.Codec<A, unknown>,
  channel: SharedChannel.SharedChannel<A>
) {
  const receiver = yield* SharedChannel.attachReceiver(schema, channel.receiver)
  const sender = yield* SharedChannel.attachSender(schema, channel.sender)
  return { receiver, sender }
})

/** A channel whose two halves live in this thread. */
export const inProcess = (flavour: FlavourName, options: ChannelOptionsInput, messages: number): Subject => {
  const [senders, receivers] = flavours[flavour]
  const capacity = options.capacity ?? 8192
  return {
    ack: options.ack ?? "before",
    bound: options.unbounded === true ? undefined : capacity * senders * receivers,
    ordered: true,
    messages,
    open: Effect.gen(function* () {
      const channel = yield* make[flavour](Message, { onReceiverDeath: "wait", ...options })
      const senderHandles = [channel.sender]
      while (senderHandles.length < senders) senderHandles.push(yield* SharedChannel.cloneSender(channel.sender))
      const receiverHandles = [channel.receiver]
      while (receiverHandles.length < receivers) {
        receiverHandles.push(yield* SharedChannel.cloneReceiver(channel.receiver))
      }
      const attachSender = asThread(SharedChannel.attachSender(Message, channel.sender))
      const attachReceiver = asThread(SharedChannel.attachReceiver(Message, channel.receiver))
      const [firstReceiver, receiverOwner] = yield* attachReceiver
      const [firstSender, senderOwner] = yield* attachSender
      return {
        receivers: [
          firstReceiver,
          ...(yield* Effect.forEach(receiverHandles.slice(1), (h) => SharedChannel.attachReceiver(Message, h)))
        ],
        senders: [
          firstSender,
          ...(yield* Effect.forEach(senderHandles.slice(1), (h) => SharedChannel.attachSender(Message, h)))
        ],
        stats: channel.stats,
        close: channel.close,
        succeed: Effect.andThen(SharedChannel.bury(channel.receiver, receiverOwner), () =>
          Effect.map(attachReceiver, ([receiver]) => receiver)
        ),
        succeedSender: Effect.andThen(SharedChannel.bury(channel.sender, senderOwner), () =>
          Effect.map(attachSender, ([sender]) => sender)
        )
      }
    })
  }
}
