/**
 * For comparison, not a rival: `Queue.bounded(1024)` between two fibers of one thread. What one
 * pays per message for the same operations without any border.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import type { RunSubject } from "../harness/Suite.ts"
import { Arrivals, conclude } from "./Arrivals.ts"
import { deadline } from "./threads.ts"
import { type TrafficSpec, trafficOf } from "./traffic.ts"

/**
 * @category running
 * @since 0.1.0
 */
export const run: RunSubject<{ readonly traffic: TrafficSpec }> = (args, load) =>
  Effect.gen(function* () {
    const traffic = trafficOf(args.traffic)
    const queue = yield* Queue.bounded<unknown>(1024)
    const arrivals = new Arrivals(traffic, 1, 1, load.warmUpMillis)
    const until = deadline(load)
    let sent = 0
    const sender = yield* Effect.forkChild(
      Effect.gen(function* () {
        while (performance.now() < until) {
          for (const end = sent + traffic.batch; sent < end; sent++) yield* Queue.offer(queue, traffic.make(0, sent))
        }
      })
    )
    const receiver = yield* Effect.forkChild(
      Effect.gen(function* () {
        for (;;) arrivals.single(yield* Queue.take(queue))
      })
    )
    yield* Fiber.join(sender)
    while ((yield* Queue.size(queue)) > 0) yield* Effect.yieldNow
    yield* Fiber.interrupt(receiver)
    return conclude([sent], [arrivals.report()])
  }).pipe(Effect.runPromise)
