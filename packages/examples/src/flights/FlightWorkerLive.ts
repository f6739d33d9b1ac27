/**
 * What a `FlightWorker` does.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { Aggregate } from "./Aggregate.ts"
import { moved } from "./exchange/Batch.ts"
import { exchange } from "./exchange/exchange.ts"
import { Keys } from "./exchange/Keys.ts"
import { placeBy } from "./exchange/place.ts"
import { FlightWorker } from "./FlightWorker.ts"
import * as Input from "./input/Input.ts"
import { windowMillis } from "./Job.ts"
import { reportOf } from "./run/Runner.ts"

export const layer = FlightWorker.toLayer({
  init: ({ by, input, window, workers }) =>
    Effect.map(Input.open(input, by), (reader) => ({
      reader,
      keys: new Keys(by, reader.names, workers, placeBy(workers)),
      windowMillis: windowMillis[window],
      aggregate: new Aggregate(windowMillis[window])
    })),
  handle: ({ aggregate }, batch) => aggregate.add(batch),
  Read: ({ keys, reader, windowMillis }, { task }) =>
    Effect.map(reader.read(task), (part) => {
      const batches = exchange(part.columns, keys, windowMillis)
      for (const { batch } of batches) moved(batch)
      return { report: reportOf(part), batches }
    }),
  Result: ({ aggregate }) => aggregate.result()
})
