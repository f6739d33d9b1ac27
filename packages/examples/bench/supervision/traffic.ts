/**
 * Subject: the pool of the pool benchmark under a policy, while nothing fails.
 *
 * @since 0.1.0
 */
import * as Supervision from "@shared-nothing/core/Supervision"
import * as WorkerPool from "@shared-nothing/core/WorkerPool"
import * as NodeWorkers from "@shared-nothing/platform/NodeWorkers"
import * as Effect from "effect/Effect"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import type { Load, Outcome } from "../harness/Suite.ts"
import { Bench } from "../pool/Contract.ts"
import { type Open, type PoolArgs, subject, timer } from "../pool/Subject.ts"
import { inFlight, make, makeBatch, Tally } from "../pool/Tally.ts"

const workers = NodeWorkers.layerThreads([Bench, new URL("../pool/sharedNothing.worker.ts", import.meta.url)])

/**
 * @category models
 * @since 0.1.0
 */
export interface TrafficArgs extends PoolArgs {
  readonly policy: "none" | "restart" | "everything"
}

const policies = {
  none: undefined,
  restart: Supervision.restart(),
  everything: Supervision.restart().pipe(
    Supervision.and(Supervision.retry(Schedule.recurs(3))),
    Supervision.and(Supervision.deadline("1 second")),
    Supervision.and(Supervision.circuitBreaker({ trip: CircuitBreaker.consecutive(5), openDuration: "1 second" }))
  )
}

const open =
  (policy: TrafficArgs["policy"]): Open =>
  async ({ batch, steps, workers: size }) => {
    const scope = Scope.makeUnsafe()
    const pool = await WorkerPool.make(Bench, { size, initData: { steps }, supervision: policies[policy] }).pipe(
      Effect.provide(workers),
      Effect.provideService(Scope.Scope, scope),
      Effect.runPromise
    )
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
          const arrived = new Tally()
          for (const sums of yield* pool.askAll("Report", undefined)) arrived.merge(sums)
          return { sent: sent.report(), arrived: arrived.report() }
        }).pipe(Effect.runPromise),
      meet: () => Effect.map(pool.askAll("Thread", undefined), (ids) => new Set(ids)).pipe(Effect.runPromise),
      close: () => Effect.runPromise(Scope.close(scope, Exit.void))
    }
  }

/**
 * @category running
 * @since 0.1.0
 */
export const run = (args: TrafficArgs, load: Load): Promise<Outcome> => subject(open(args.policy))(args, load)
