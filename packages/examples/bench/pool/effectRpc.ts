/**
 * Rival: `effect/rpc` over its worker protocol: a pool of threads behind one client.
 *
 * @since 0.1.0
 */
import * as NodeWorker from "@effect/platform-node/NodeWorker"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcClient from "effect/rpc/RpcClient"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { Worker } from "node:worker_threads"
import { Message, Sums } from "./Contract.ts"
import { type Open, subject, timer } from "./Subject.ts"
import { inFlight, make, makeBatch, Tally } from "./Tally.ts"

/** What the worker serves. */
export const Requests = RpcGroup.make(
  Rpc.make("Ask", { payload: Message, success: Schema.Number }),
  Rpc.make("Take", { payload: { messages: Schema.Array(Message), steps: Schema.Int }, success: Sums }),
  Rpc.make("Thread", { success: Schema.Int })
)

/** Batches on their way for each worker. */
const batchesAhead = 8

const open: Open = async ({ batch, steps, workers }) => {
  const scope = Scope.makeUnsafe()
  const spawner = NodeWorker.layer(() => new Worker(new URL("./effectRpc.thread.ts", import.meta.url)))
  // As many requests for each worker as the scenarios have on their way: it need not wait for an answer.
  const protocol = RpcClient.layerProtocolWorker({ size: workers, concurrency: inFlight / workers })
  const client = await Effect.gen(function* () {
    const context = yield* Layer.build(Layer.provide(protocol, spawner))
    return yield* Effect.provideContext(RpcClient.make(Requests), context)
  }).pipe(Effect.provideService(Scope.Scope, scope), Effect.runPromise)

  return {
    ask: (until) =>
      Effect.gen(function* () {
        const over = timer(until)
        const sent = new Tally()
        const answers = new Tally()
        let next = 0
        const loop = Effect.gen(function* () {
          while (!over()) {
            const index = next++
            sent.add(index)
            answers.answered(index, yield* client.Ask(make(index)))
          }
        })
        yield* Effect.all(
          Array.from({ length: inFlight }, () => loop),
          { concurrency: "unbounded", discard: true }
        )
        return { sent: sent.report(), arrived: answers.report() }
      }).pipe(Effect.runPromise),

    send: (until) =>
      Effect.gen(function* () {
        const sent = new Tally()
        const arrived = new Tally()
        let next = 0
        const loop = Effect.gen(function* () {
          while (performance.now() < until) {
            const messages = makeBatch(next, batch)
            for (let i = 0; i < batch; i++) sent.add(next++)
            arrived.merge(yield* client.Take({ messages, steps }))
          }
        })
        yield* Effect.all(
          Array.from({ length: batchesAhead * workers }, () => loop),
          { concurrency: "unbounded", discard: true }
        )
        return { sent: sent.report(), arrived: arrived.report() }
      }).pipe(Effect.runPromise),

    meet: () =>
      Effect.gen(function* () {
        const seen = new Set<number>()
        const round = Effect.all(
          Array.from({ length: inFlight }, () => client.Thread()),
          { concurrency: "unbounded" }
        )
        while (seen.size < workers) for (const id of yield* round) seen.add(id)
        return seen
      }).pipe(Effect.runPromise),

    close: () => Effect.runPromise(Scope.close(scope, Exit.void))
  }
}

/**
 * @category running
 * @since 0.1.0
 */
export const run = subject(open)
