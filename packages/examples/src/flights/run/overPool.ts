/**
 * Runs the job over a pool of `FlightWorker`s.
 *
 * Each worker has the next parts to read queued behind its batches, so it never waits for the main
 * thread; the main thread passes on the batches that come back. A worker answers `Result` after the
 * batches that were sent to it before.
 *
 * @since 0.1.0
 */
import * as WorkerPool from "@shared-nothing/core/WorkerPool"
import type { InvalidConfig } from "@shared-nothing/core/Errors"
import type { Workers } from "@shared-nothing/core/Workers"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { moved } from "../exchange/Batch.ts"
import { FlightWorker } from "../FlightWorker.ts"
import { sizeOf } from "../input/Task.ts"
import { InputError } from "../InputError.ts"
import type { Runner } from "./Runner.ts"

/** Parts that a worker has been asked for at a time: one in work, one behind it. */
const ahead = 2

export const overPool =
  (backend: Layer.Layer<Workers, InvalidConfig>): Runner =>
  (plan, options, { onPart, progress }) =>
    Effect.gen(function* () {
      const { workers } = options
      const starting = WorkerPool.make(FlightWorker, { size: workers, initData: options })
      // Threads start while the file is looked at; one that cannot be used ends their start.
      const [pool, tasks] = yield* Effect.all([starting, plan], { concurrency: "unbounded" })
      const messages = pool.workerIds.map(() => 0)
      const depths = Effect.map(pool.stats, (stats) => {
        progress.depths = stats.map((worker) => worker.depth)
      })
      yield* Effect.forkScoped(Effect.repeat(depths, Schedule.spaced("100 millis")))
      const queue = tasks.entries()
      // Whoever is free takes the next part.
      const readAll = Effect.fnUntraced(function* (reader: string) {
        for (const [index, task] of queue) {
          const { batches, report } = yield* pool.askTo(reader, "Read", { task })
          for (const { batch, worker } of batches) {
            yield* pool.sendTo(pool.workerIds[worker], moved(batch))
            messages[worker]++
          }
          progress.advance(sizeOf(task), report.rows)
          yield* onPart(index, report)
        }
      })
      const readers = Array.from({ length: ahead }, () => pool.workerIds).flat()
      yield* Effect.forEach(readers, readAll, { concurrency: "unbounded", discard: true })
      return { groups: yield* pool.askAll("Result", undefined), messages }
    }).pipe(
      Effect.scoped,
      Effect.provide(backend),
      // What is left is a fault of this program or of a thread, which no user can mend.
      Effect.catchIf((error) => !(error instanceof InputError), Effect.die)
    )
