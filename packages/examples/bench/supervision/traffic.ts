/**
 * Subject: the pool of the pool benchmark under a policy, while nothing fails, and beside it in the same
 * process one without: they take turns of 50 ms, so what slows the machine down slows both, and a run gives
 * the median of the ratios of neighbouring turns. Of an unsupervised pool against another that is 1, but for
 * what the method cannot tell apart.
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
import { median } from "../harness/runSuite.ts"
import type { Load, Outcome } from "../harness/Suite.ts"
import { Bench } from "../pool/Contract.ts"
import { type Drive, metricsOf, type Open, type PoolArgs, timer } from "../pool/Subject.ts"
import { inFlight, make, makeBatch, outcomeOf, type Phase, Tally } from "../pool/Tally.ts"

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

/** How long a pool is driven before it is the other's turn, in milliseconds. */
const turnMillis = 50

/**
 * @category running
 * @since 0.1.0
 */
export const run = async (args: TrafficArgs, { measureMillis, warmUpMillis }: Load): Promise<Outcome> => {
  const pools = [await open("none")(args), await open(args.policy)(args)]
  const phases: Array<Phase> = []
  const drive = async (pick: Drive, millis: number): Promise<number> => {
    const from = performance.now()
    const phase = await pick(from + millis)
    phases.push(phase)
    return ((performance.now() - from) * 1e6) / phase.sent.count
  }
  const [plain, supervised] = pools.map((pool) => (args.mode === "ask" ? pool.ask : pool.send))
  await drive(plain, warmUpMillis)
  await drive(supervised, warmUpMillis)
  const costs: Array<number> = []
  const ratios: Array<number> = []
  const until = performance.now() + 2 * measureMillis
  for (let turn = 0; performance.now() < until; turn++) {
    // Each goes first as often as the other.
    const first = await drive(turn % 2 === 0 ? plain : supervised, turnMillis)
    const second = await drive(turn % 2 === 0 ? supervised : plain, turnMillis)
    const cost = turn % 2 === 0 ? second : first
    costs.push(cost)
    ratios.push(turn % 2 === 0 ? second / first : first / second)
  }
  for (const pool of pools) await pool.close()
  const cost = median(costs)
  return outcomeOf(phases, { ...metricsOf(args.mode, cost), timesUnsupervised: median(ratios) })
}
