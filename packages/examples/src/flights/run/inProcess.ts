/**
 * Runs the job in one thread: the same reader, batches and aggregates, without threads between.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { Aggregate } from "../Aggregate.ts"
import { placeBy } from "../exchange/place.ts"
import { Splitter } from "../exchange/Splitter.ts"
import * as Input from "../input/Input.ts"
import { windowMillis } from "../Job.ts"
import { reportOf, type Runner } from "./Runner.ts"

export const inProcess: Runner = (tasks, options, { onPart, progress }) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { by, input, window, workers } = options
      const reader = yield* Input.open(input, by)
      const splitter = new Splitter(by, reader.names, workers, placeBy(workers))
      const aggregates = Array.from({ length: workers }, () => new Aggregate(windowMillis[window]))
      const messages = aggregates.map(() => 0)
      for (const [index, task] of tasks.entries()) {
        const part = yield* reader.read(task)
        for (const { batch, worker } of splitter.split(part.columns)) {
          aggregates[worker].add(batch)
          messages[worker]++
        }
        progress.advance(Input.sizeOf(task), part.rows)
        yield* onPart(index, reportOf(part))
      }
      return { groups: aggregates.map((aggregate) => aggregate.result()), messages }
    })
  )
