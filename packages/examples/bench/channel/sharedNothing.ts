/**
 * Subject: `SharedChannel`, with its defaults: 1024 messages between one sender and one receiver,
 * waiting by `hybrid`. Batches go through `sendAll` and `receiveAll`, single messages through
 * `send` and `receive`. A ring for bytes holds 4 MiB.
 *
 * @since 0.1.0
 */
import * as Codec from "@shared-nothing/core/Codec"
import * as SharedChannel from "@shared-nothing/core/SharedChannel"
import "@shared-nothing/platform/NodeConnector"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { RunSubject } from "../harness/Suite.ts"
import { Arrivals, type ReceiverReport } from "./Arrivals.ts"
import { deadline, flow, type FlowArgs, type Post } from "./threads.ts"
import { trafficOf, type TrafficSpec } from "./traffic.ts"

type SenderHandle = SharedChannel.SharedChannel<unknown>["sender"]
type ReceiverHandle = SharedChannel.SharedChannel<unknown>["receiver"]

const schemas = {
  float: Schema.Number,
  record: Schema.Struct({ id: Schema.Int, key: Schema.String, value: Schema.Number }),
  bytes: Schema.Uint8Array
}

/** Which schema is a matter of the arguments, so its type is lost here. */
const schemaOf = (traffic: TrafficSpec): Schema.Codec<unknown, unknown> =>
  schemas[traffic.kind] as unknown as Schema.Codec<unknown, unknown>

const ringBytes = 4 * 2 ** 20

const makeChannel = (args: FlowArgs) => {
  const schema = schemaOf(args.traffic)
  const options = args.traffic.kind === "bytes" ? { capacityBytes: ringBytes } : {}
  if (args.receivers > 1) {
    return SharedChannel.mpmc(schema, { ...options, maxSenders: args.senders, maxReceivers: args.receivers })
  }
  if (args.senders > 1) return SharedChannel.mpsc(schema, { ...options, maxSenders: args.senders })
  return SharedChannel.spsc(schema, options)
}

/**
 * @category running
 * @since 0.1.0
 */
export const run: RunSubject<FlowArgs> = (args, load) =>
  Effect.gen(function* () {
    const channel = yield* makeChannel(args)
    const senders = [channel.sender]
    while (senders.length < args.senders) senders.push(yield* channel.cloneSender)
    const receivers = [channel.receiver]
    while (receivers.length < args.receivers) receivers.push(yield* channel.cloneReceiver)
    return yield* Effect.promise(() =>
      flow<SenderHandle, ReceiverHandle>(import.meta.url, args, load, {
        sender: (slot) => senders[slot],
        receiver: (slot) => receivers[slot]
      })
    )
  }).pipe(Effect.scoped, Effect.runPromise)

export const sender = (post: Post<SenderHandle>): Promise<number> =>
  Effect.gen(function* () {
    const sender = yield* SharedChannel.attachSender(schemaOf(post.traffic), post.link)
    const traffic = trafficOf(post.traffic)
    const moved = post.traffic.kind === "bytes" && post.traffic.moved === true
    const make = moved
      ? (index: number) => Codec.moved(traffic.make(post.slot, index) as Uint8Array<ArrayBuffer>)
      : (index: number) => traffic.make(post.slot, index)
    const until = deadline(post.load)
    const batch = new Array<unknown>(traffic.batch)
    let index = 0
    while (performance.now() < until) {
      if (post.batched) {
        for (let i = 0; i < batch.length; i++) batch[i] = make(index + i)
        yield* sender.sendAll(batch)
        index += batch.length
      } else {
        for (const end = index + batch.length; index < end; index++) yield* sender.send(make(index))
      }
    }
    return index
  }).pipe(Effect.scoped, Effect.runPromise)

export const receiver = (post: Post<ReceiverHandle>): Promise<ReceiverReport> =>
  Effect.gen(function* () {
    const receiver = yield* SharedChannel.attachReceiver(schemaOf(post.traffic), post.link)
    const traffic = trafficOf(post.traffic)
    const arrivals = new Arrivals(traffic, post.senders, post.receivers, post.load.warmUpMillis)
    const receive = Effect.gen(function* () {
      for (;;) {
        if (post.batched) {
          const batch = yield* receiver.receiveAll(256)
          arrivals.batch(batch)
        } else {
          arrivals.single(yield* receiver.receive)
        }
      }
    })
    yield* Effect.catchIf(
      receive,
      (error) => error.reason === "Closed",
      () => Effect.void
    )
    return arrivals.report()
  }).pipe(Effect.scoped, Effect.runPromise)
