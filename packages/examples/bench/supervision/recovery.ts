/**
 * Subject: a pool whose workers are terminated in turn, under traffic. Measures from the death that
 * the pool has noticed until requests by 64 keys are answered, by whomever.
 *
 * @since 0.1.0
 */
import * as Supervision from "@shared-nothing/core/Supervision"
import * as WorkerPool from "@shared-nothing/core/WorkerPool"
import * as NodeWorkers from "@shared-nothing/platform/NodeWorkers"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import type { Load, Outcome } from "../harness/Suite.ts"
import { Bench } from "../pool/Contract.ts"
import { make, makeBatch } from "../pool/Tally.ts"

const workers = NodeWorkers.layerThreads([Bench, new URL("../pool/sharedNothing.worker.ts", import.meta.url)])

const probes = Array.from({ length: 64 }, (_, i) => i)

const intensity = { restarts: 1000, within: "1 second" } as const

const percentile = (values: ReadonlyArray<number>, p: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * p) / 100))]
}

/**
 * @category running
 * @since 0.1.0
 */
export const run = (
  { failover, spares }: { readonly spares: number; readonly failover: boolean },
  { measureMillis, warmUpMillis }: Load
): Promise<Outcome> => {
  const policy = failover
    ? Supervision.failover.pipe(Supervision.and(Supervision.failback(Schedule.spaced("100 millis"))))
    : Supervision.restart(undefined, { intensity })
  return Effect.gen(function* () {
    const pool = yield* WorkerPool.make(Bench, {
      size: 2,
      initData: { steps: 0 },
      supervision: policy.pipe(Supervision.and(Supervision.spares(spares)))
    })
    let sent = 0
    const flow = (millis: number) =>
      Effect.gen(function* () {
        const from = sent
        const began = performance.now()
        while (performance.now() - began < millis) {
          yield* pool.sendAll(makeBatch(sent, 256))
          sent += 256
          yield* Effect.yieldNow
        }
        return (sent - from) / (performance.now() - began)
      })
    yield* flow(warmUpMillis)
    const calm = yield* flow(measureMillis / 2)
    const flowing = yield* Effect.forkChild(flow(measureMillis))
    const until = performance.now() + measureMillis
    const recoveries: Array<number> = []
    let kills = 0
    for (let turn = 0; performance.now() < until; turn++) {
      const id = pool.workerIds[turn % pool.workerIds.length]
      const worker = yield* pool.worker(id)
      yield* worker.kill
      kills += 1
      const dead = performance.now()
      // Enough keys that some are placed at it.
      yield* Effect.forEach(probes, (i) => pool.ask(make(i).key, "Ask", make(i)), {
        concurrency: "unbounded",
        discard: true
      })
      recoveries.push(performance.now() - dead)
      yield* Effect.sleep("500 millis")
    }
    const during = yield* Fiber.join(flowing)
    yield* pool.drained
    const counts = yield* pool.supervised
    return {
      metrics: {
        msP50: percentile(recoveries, 50),
        msP99: percentile(recoveries, 99),
        throughputKept: during / calm
      },
      expected: `${kills} recoveries, 0 dead letters`,
      arrived: `${counts.Restarted + counts.FailedOver} recoveries, ${counts.DeadLettered} dead letters`
    }
  }).pipe(Effect.scoped, Effect.provide(workers), Effect.runPromise)
}
