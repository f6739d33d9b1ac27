/**
 * What a `FlightWorker` does.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { Aggregate } from "./Aggregate.ts"
import { moved } from "./exchange/Batch.ts"
import { placeBy } from "./exchange/place.ts"
import { Splitter } from "./exchange/Splitter.ts"
import { FlightWorker } from "./FlightWorker.ts"
import * as Input from "./input/Input.ts"
import { windowMillis } from "./Job.ts"
import { reportOf } from "./run/Runner.ts"

export const layer = FlightWorker.toLayer({
  init: ({ by, input, window, workers }) =>
    Effect.map(Input.open(input, by), (reader) => ({
      reader,
      splitter: new Splitter(by, reader.names, workers, placeBy(workers)),
      aggregate: new Aggregate(windowMillis[window])
    })),
  handle: ({ aggregate }, batch) => aggregate.add(batch),
  Read: ({ reader, splitter }, { task }) =>
    Effect.map(reader.read(task), (part) => ({
      report: reportOf(part),
      batches: Array.from(splitter.split(part.columns), ({ batch, worker }) => ({ worker, batch: moved(batch) }))
    })),
  Result: ({ aggregate }) => aggregate.result()
})
