/**
 * The worker's side of `effectWorker.ts`.
 *
 * @since 0.1.0
 */
import * as NodeWorkerRunner from "@effect/platform-node/NodeWorkerRunner"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as WorkerRunner from "effect/workers/WorkerRunner"
import { workerData } from "node:worker_threads"
import { Arrivals } from "./Arrivals.ts"
import { hello, isSent, type Sent, type WorkerData } from "./effectWorker.ts"
import { Gate, windowOf } from "./Gate.ts"
import { deadline } from "./threads.ts"
import { trafficOf } from "./traffic.ts"

const { post, role } = workerData as WorkerData
const traffic = trafficOf(post.traffic)
const gate = new Gate(post.link, post.slot, windowOf(post.batched, traffic.size, traffic.batch))

const receive = Effect.gen(function* () {
  const platform = yield* WorkerRunner.WorkerRunnerPlatform
  const runner = yield* platform.start<unknown, unknown>()
  const arrivals = new Arrivals(traffic, post.senders, post.receivers, post.load.warmUpMillis)
  return yield* runner.run<void, never, never>((port, message) => {
    if (message === hello) return runner.send(port, hello)
    if (isSent(message)) return runner.send(port, arrivals.report())
    gate.took()
    if (post.batched) {
      arrivals.batch(traffic.unpack(message))
    } else {
      arrivals.single(message)
    }
    return
  })
})

const send = Effect.gen(function* () {
  const platform = yield* WorkerRunner.WorkerRunnerPlatform
  const runner = yield* platform.start<unknown, unknown>()
  const running = yield* Effect.forkChild(
    runner.run<void, never, never>(() => {}),
    { startImmediately: true }
  )
  const until = deadline(post.load)
  let index = 0
  while (performance.now() < until) {
    if (post.batched) {
      const { message, transfer } = traffic.pack(post.slot, index, traffic.batch)
      gate.pass()
      yield* runner.send(0, message, transfer)
      index += traffic.batch
    } else {
      for (const end = index + traffic.batch; index < end; index++) {
        const { message, transfer } = traffic.wrap(traffic.make(post.slot, index))
        gate.pass()
        yield* runner.send(0, message, transfer)
      }
    }
  }
  const sent: Sent = { sent: index }
  yield* runner.send(0, sent)
  return yield* Fiber.join(running)
})

const body = role === "sender" ? send : receive
await Effect.runPromise(Effect.provide(body, NodeWorkerRunner.layer))
