/**
 * The job on threads.
 *
 * @since 0.1.0
 */
import * as NodeWorkers from "@shared-nothing/platform/NodeWorkers"
import * as Effect from "effect/Effect"
import * as FlightDelays from "../FlightDelays.ts"
import { FlightWorker } from "../FlightWorker.ts"
import type { JobOptions } from "../Job.ts"
import { Progress } from "../report/Progress.ts"
import { overPool } from "./overPool.ts"

/** Runs the job over a pool whose workers are threads. */
export const threads = overPool(
  NodeWorkers.layerThreads([FlightWorker, new URL("../FlightWorker.worker.ts", import.meta.url)])
)

/** The whole job, start of threads included, without printing: for the bench. */
export const runPool = (options: JobOptions) => Effect.scoped(FlightDelays.run(options, threads, new Progress()))
