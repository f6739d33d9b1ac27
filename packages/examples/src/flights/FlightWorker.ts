/**
 * The worker of the job: it reads parts of the input, and aggregates the keys that are placed on it.
 *
 * Both in one worker, so that `--workers N` is N threads. The flights of a part belong to all
 * workers: the answer to `Read` has them, grouped already where that makes them fewer, in batches that
 * are each addressed to the owner of its keys, and the main thread passes the batches on without
 * looking into them.
 *
 * @since 0.1.0
 */
import * as Worker from "@shared-nothing/core/Worker"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import { Groups } from "./Aggregate.ts"
import { Addressed, Batch } from "./exchange/Batch.ts"
import { Task } from "./input/Task.ts"
import { InputError } from "./InputError.ts"
import { keys, windows } from "./Job.ts"
import { PartReport } from "./run/Runner.ts"

export class FlightWorker extends Worker.Service<FlightWorker>()("FlightWorker", {
  message: Batch,
  initData: Schema.Struct({
    input: Schema.String,
    by: Schema.Literals(keys),
    window: Schema.Literals(windows),
    workers: Schema.Int
  }),
  requests: [
    /** Reads a part; its flights come back as batches for their owners. */
    Rpc.make("Read", {
      payload: { task: Task },
      success: Schema.Struct({ report: PartReport, batches: Schema.Array(Addressed) }),
      error: InputError
    }),
    /** What was aggregated so far. */
    Rpc.make("Result", { success: Groups })
  ],
  key: (batch) => batch.names[0] ?? ""
}) {}
