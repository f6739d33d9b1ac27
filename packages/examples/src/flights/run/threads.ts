/**
 * The job on threads.
 *
 * @since 0.1.0
 */
import * as NodePipelines from "@shared-nothing/platform/NodePipelines"
import * as Effect from "effect/Effect"
import * as FlightDelays from "../FlightDelays.ts"
import type { JobOptions } from "../Job.ts"
import { Progress } from "../report/Progress.ts"
import { overPipeline } from "./overPipeline.ts"

/** Runs the job as a pipeline on threads. */
export const threads = overPipeline(NodePipelines.layerThreads(new URL("../pipeline/delays.ts", import.meta.url)))

/** The whole job, start of threads included, without printing: for the bench. */
export const runThreads = (options: JobOptions) => Effect.scoped(FlightDelays.run(options, threads, new Progress()))
