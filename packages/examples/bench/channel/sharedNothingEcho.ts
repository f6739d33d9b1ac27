/**
 * Subject in latency and idling: two `SharedChannel`s with their defaults, there and back.
 *
 * @since 0.1.0
 */
import * as SharedChannel from "@shared-nothing/core/SharedChannel"
import "@shared-nothing/platform/NodeConnector"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads"
import type { RunSubject } from "../harness/Suite.ts"
import { type EchoArgs, RoundTrips } from "./RoundTrips.ts"

interface Handles {
  readonly there: SharedChannel.SharedChannel<number>["receiver"]
  readonly back: SharedChannel.SharedChannel<number>["sender"]
}

/**
 * @category running
 * @since 0.1.0
 */
export const run: RunSubject<EchoArgs> = (args, load) =>
  Effect.gen(function* () {
    const there = yield* SharedChannel.spsc(Schema.Number)
    const back = yield* SharedChannel.spsc(Schema.Number)
    const sender = yield* SharedChannel.attachSender(Schema.Number, there.sender)
    const receiver = yield* SharedChannel.attachReceiver(Schema.Number, back.receiver)
    const handles: Handles = { there: there.receiver, back: back.sender }
    yield* Effect.promise(
      () =>
        new Promise((resolve, reject) => {
          const worker = new Worker(new URL(import.meta.url), { workerData: handles })
          worker.once("message", resolve)
          worker.once("error", reject)
        })
    )
    const trips = new RoundTrips(args, load)
    while (!trips.over) {
      yield* sender.send(trips.leave())
      trips.back(yield* receiver.receive)
      const pause = trips.pause()
      if (pause !== undefined) yield* Effect.promise(() => pause)
    }
    return yield* Effect.promise(() => trips.outcome())
  }).pipe(Effect.scoped, Effect.runPromise)

const echo = Effect.gen(function* () {
  const handles = workerData as Handles
  const receiver = yield* SharedChannel.attachReceiver(Schema.Number, handles.there)
  const sender = yield* SharedChannel.attachSender(Schema.Number, handles.back)
  parentPort!.postMessage("ready")
  for (;;) yield* sender.send(yield* receiver.receive)
})

if (!isMainThread) {
  await Effect.runPromise(
    Effect.catchIf(
      Effect.scoped(echo),
      (error) => error._tag === "ReceiveError" && error.reason === "Closed",
      () => Effect.void
    )
  )
}
