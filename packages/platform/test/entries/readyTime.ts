/**
 * How long a worker thread takes until it is ready: `node readyTime.ts [MODULE]` starts the module
 * ten times, one after another, and prints the median. The first start may fill V8's compile cache;
 * the others find it full.
 */
import * as path from "node:path"
import { pathToFileURL } from "node:url"
import * as WorkerPool from "@shared-nothing/core/WorkerPool"
import * as NodeWorkers from "@shared-nothing/platform/NodeWorkers"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { Tally } from "./program/Tally.ts"

const starts = 10

const module = path.resolve(process.argv[2] ?? path.join(import.meta.dirname, "program/Tally.worker.ts"))

const start = Effect.map(Effect.scoped(Effect.timed(WorkerPool.make(Tally, { size: 1 }))), ([took]) =>
  Duration.toMillis(took)
)

Effect.gen(function* () {
  const times = (yield* Effect.replicateEffect(start, starts)).sort((a, b) => a - b)
  const [first, median, last] = [0, starts / 2, starts - 1].map((i) => times[i].toFixed(0))
  yield* Console.log(`ready after ${median} ms, median of ${starts} starts (${first} to ${last} ms)`)
}).pipe(Effect.provide(NodeWorkers.layerThreads([Tally, pathToFileURL(module)])), NodeRuntime.runMain)
