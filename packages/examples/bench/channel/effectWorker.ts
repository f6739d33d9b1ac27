/**
 * Rival: Effect's worker transport (`WorkerPlatform` with `NodeWorker` and `NodeWorkerRunner`).
 *
 * It joins one parent to its workers. With one sender the parent sends, for a handler in the worker
 * may be plain code, whereas the parent runs an Effect for each message; with several senders they
 * are the workers and the parent receives. Several receivers it cannot have.
 *
 * @since 0.1.0
 */
import * as NodeWorker from "@effect/platform-node/NodeWorker"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Worker from "effect/workers/Worker"
import * as Threads from "node:worker_threads"
import type { Outcome, RunSubject } from "../harness/Suite.ts"
import { Arrivals, conclude, type ReceiverReport } from "./Arrivals.ts"
import { Gate, gateMemory, windowOf } from "./Gate.ts"
import { deadline, type FlowArgs, type Post } from "./threads.ts"
import { trafficOf } from "./traffic.ts"

/** What the worker's thread is told: its role, and a post whose link is the memory of the gates. */
export interface WorkerData {
  readonly role: "sender" | "receiver"
  readonly post: Post<SharedArrayBuffer>
}

/** The last message of a sender: how many came before. */
export interface Sent {
  readonly sent: number
}

/** Tells the last message from all others, at the cost of one comparison for most. */
export const isSent = (message: unknown): message is Sent =>
  typeof message === "object" && message !== null && "sent" in message

/**
 * The parent's first message, which the worker answers with the same: `send` buffers until the
 * worker has said that it is ready, and a parent that blocks before would wait for its own buffer.
 */
export const hello = "hello"

const spawnLayer = (dataOf: (id: number) => WorkerData) =>
  NodeWorker.layer(
    (id) =>
      new Threads.Worker(new URL("./effectWorker.thread.ts", import.meta.url), {
        workerData: dataOf(id)
      })
  )

/** The parent sends and the worker receives and reports. */
const fromParent = (args: FlowArgs, load: Post<never>["load"]): Effect.Effect<Outcome, unknown> => {
  const memory = gateMemory(1)
  return Effect.gen(function* () {
    const platform = yield* Worker.WorkerPlatform
    const worker = yield* platform.spawn<ReceiverReport | typeof hello, unknown>(0)
    const ready = yield* Deferred.make<void>()
    const report = yield* Deferred.make<ReceiverReport>()
    yield* worker
      .run((message) => (message === hello ? Deferred.succeed(ready, undefined) : Deferred.succeed(report, message)))
      .pipe(Effect.forkScoped({ startImmediately: true }))
    yield* worker.send(hello)
    yield* Deferred.await(ready)

    const traffic = trafficOf(args.traffic)
    const gate = new Gate(memory, 0, windowOf(args.batched, traffic.size, traffic.batch))
    const until = deadline(load)
    let index = 0
    while (performance.now() < until) {
      if (args.batched) {
        const { message, transfer } = traffic.pack(0, index, traffic.batch)
        gate.pass()
        yield* worker.send(message, transfer)
        index += traffic.batch
      } else {
        for (const end = index + traffic.batch; index < end; index++) {
          const { message, transfer } = traffic.wrap(traffic.make(0, index))
          gate.pass()
          yield* worker.send(message, transfer)
        }
      }
    }
    const sent: Sent = { sent: index }
    yield* worker.send(sent)
    return conclude([index], [yield* Deferred.await(report)], traffic.size)
  }).pipe(
    Effect.scoped,
    Effect.provide(spawnLayer(() => ({ role: "receiver", post: { ...args, load, slot: 0, link: memory } })))
  )
}

/** The workers send and the parent receives. */
const toParent = (args: FlowArgs, load: Post<never>["load"]): Effect.Effect<Outcome, unknown> => {
  const memory = gateMemory(args.senders)
  return Effect.gen(function* () {
    const platform = yield* Worker.WorkerPlatform
    const traffic = trafficOf(args.traffic)
    const window = windowOf(args.batched, traffic.size, traffic.batch)
    const arrivals = new Arrivals(traffic, args.senders, 1, load.warmUpMillis)
    const all = Array.from({ length: args.senders }, (_, slot) => slot)
    const sent = yield* Effect.forEach(
      all,
      Effect.fnUntraced(function* (slot) {
        const worker = yield* platform.spawn<unknown>(slot)
        const gate = new Gate(memory, slot, window)
        const done = yield* Deferred.make<number>()
        const handle = (message: unknown) =>
          Effect.suspend(() => {
            if (isSent(message)) return Effect.asVoid(Deferred.succeed(done, message.sent))
            gate.took()
            if (args.batched) {
              arrivals.batch(traffic.unpack(message))
            } else {
              arrivals.single(message)
            }
            return Effect.void
          })
        yield* worker.run(handle).pipe(Effect.forkScoped({ startImmediately: true }))
        return yield* Deferred.await(done)
      }),
      { concurrency: "unbounded" }
    )
    return conclude(sent, [arrivals.report()], traffic.size)
  }).pipe(
    Effect.scoped,
    Effect.provide(spawnLayer((slot) => ({ role: "sender", post: { ...args, load, slot, link: memory } })))
  )
}

/**
 * @category running
 * @since 0.1.0
 */
export const run: RunSubject<FlowArgs> = (args, load) =>
  Effect.runPromise(args.senders === 1 ? fromParent(args, load) : toParent(args, load))
