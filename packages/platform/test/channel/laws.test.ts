import { Worker } from "node:worker_threads"
import { afterAll, describe, it } from "@effect/vitest"
import * as ChannelLaws from "@shared-nothing/core/ChannelLaws"
import type { ChannelOptionsInput } from "@shared-nothing/core/ChannelOptions"
import * as SharedChannel from "@shared-nothing/core/SharedChannel"
import * as Effect from "effect/Effect"
import type { Route } from "../fixtures/relay.ts"
import "../../src/NodeConnector.ts"

const { Message } = ChannelLaws

const threads = [0, 1].map(() => new Worker(new URL("../fixtures/relay.ts", import.meta.url)))
afterAll(() => Promise.all(threads.map((thread) => thread.terminate())))

const make = { spsc: SharedChannel.spsc, mpsc: SharedChannel.mpsc, mpmc: SharedChannel.mpmc }

const flavours = { spsc: [1, 1], mpsc: [3, 1], mpmc: [3, 2] } as const

/** Messages that a relay has in its hands. */
const inHand = 256

/** Only the thread between may sleep as a whole: both ends share this one. */
const awake = <H extends { readonly wait: string }>(handle: H): H =>
  handle.wait === "block" ? { ...handle, wait: "hybrid" } : handle

/** Two channels with a thread between them: every message crosses twice. */
const throughThreads = (flavour: keyof typeof flavours, options: ChannelOptionsInput): ChannelLaws.Subject => {
  const [senders, receivers] = flavours[flavour]
  const capacity = options.capacity ?? 8192
  const there = senders * receivers * capacity
  const back = receivers * receivers * capacity
  return {
    ack: options.ack ?? "before",
    bound: options.unbounded === true ? undefined : there + receivers * inHand + back,
    ordered: receivers === 1,
    messages: 500,
    open: Effect.gen(function* () {
      const first = yield* make[flavour](Message, options)
      const second = yield* make[flavour](Message, options)
      const places = <A>(one: A, clone: Effect.Effect<A, unknown>, count: number) =>
        Effect.map(Effect.replicateEffect(clone, count - 1), (others) => [one, ...others])
      const routes = yield* Effect.zip(
        places(first.receiver, first.cloneReceiver, receivers),
        places(second.sender, second.cloneSender, receivers)
      )
      for (const [index, from] of routes[0].entries()) {
        threads[index].postMessage({ from, to: routes[1][index] } satisfies Route)
      }
      return {
        senders: yield* Effect.forEach(yield* places(first.sender, first.cloneSender, senders), (handle) =>
          SharedChannel.attachSender(Message, awake(handle))
        ),
        receivers: yield* Effect.forEach(yield* places(second.receiver, second.cloneReceiver, receivers), (handle) =>
          SharedChannel.attachReceiver(Message, awake(handle))
        ),
        stats: Effect.zipWith(first.stats, second.stats, (there, back) => ({
          ...back,
          sent: there.sent,
          sendErrors: there.sendErrors,
          depth: there.depth + back.depth
        })),
        close: first.close
      }
    })
  }
}

const variants: Record<string, ChannelOptionsInput> = {
  "as it comes": {},
  "the smallest ring": { capacityBytes: 64 },
  "one message": { capacity: 1 },
  "a small ring, acknowledged after": { capacity: 7, capacityBytes: 1024, ack: "after" },
  "a small ring, acknowledged in batches": { capacity: 16, ack: "batch" },
  unbounded: { unbounded: true, capacity: 8 },
  spin: { wait: "spin", capacity: 16 },
  yield: { wait: "yield", capacity: 16 },
  park: { wait: "park", capacity: 16 },
  block: { wait: "block", capacity: 16 }
}

for (const flavour of Object.keys(flavours) as Array<keyof typeof flavours>) {
  describe.each(Object.entries(variants))(`${flavour} across threads: %s`, (_, options) => {
    for (const law of ChannelLaws.all(throughThreads(flavour, options))) {
      it.live(law.name, () => law.run)
    }
  })
}
