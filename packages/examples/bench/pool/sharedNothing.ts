/**
 * Subject: `WorkerPool` on threads, with its defaults. Messages go by key through `sendAll`; requests are 1024 fibers that ask one after the other.
 *
 * @since 0.1.0
 */
import * as WorkerPool from "@shared-nothing/core/WorkerPool"
import * as NodeWorkers from "@shared-nothing/platform/NodeWorkers"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { Bench } from "./Contract.ts"
import { type Open, subject, timer } from "./Subject.ts"
import { inFlight, make, makeBatch, Tally } from "./Tally.ts"

const workers = NodeWorkers.layerThreads([Bench, new URL("./sharedNothing.worker.ts", import.meta.url)])

const open: Open = async ({ batch, steps, workers: size }) => {
  const scope = Scope.makeUnsafe()
  const pool = await WorkerPool.make(Bench, { size, initData: { steps } }).pipe(
    Effect.provide(workers),
    Effect.provideService(Scope.Scope, scope),
    Effect.runPromise
  )

  /** What the workers saw, once they have handled all of it. */
  const arrived = Effect.gen(function* () {
    const tally = new Tally()
    for (const sums of yield* pool.askAll("Report", undefined)) tally.merge(sums)
    return tally.report()
  })

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
            const message = make(index)
            sent.add(index)
            answers.answered(index, yield* pool.ask(message.key, "Ask", message))
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
        let next = 0
        while (performance.now() < until) {
          yield* pool.sendAll(makeBatch(next, batch))
          for (let i = 0; i < batch; i++) sent.add(next++)
        }
        return { sent: sent.report(), arrived: yield* arrived }
      }).pipe(Effect.runPromise),

    broadcast: (until) =>
      Effect.gen(function* () {
        const over = timer(until)
        const sent = new Tally()
        for (let next = 0; !over(); next++) {
          yield* pool.broadcast(make(next))
          for (let worker = 0; worker < size; worker++) sent.add(next)
        }
        return { sent: sent.report(), arrived: yield* arrived }
      }).pipe(Effect.runPromise),

    meet: () => Effect.map(pool.askAll("Thread", undefined), (ids) => new Set(ids)).pipe(Effect.runPromise),
    close: () => Effect.runPromise(Scope.close(scope, Exit.void))
  }
}

/**
 * @category running
 * @since 0.1.0
 */
export const run = subject(open)
