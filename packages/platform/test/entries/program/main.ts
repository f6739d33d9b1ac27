/**
 * Two workers, messages that fit a lane and messages that do not, both ways. The worker's module
 * lies beside this one under the same extension, whatever a compiler or bundler made of both.
 */
import * as WorkerPool from "@shared-nothing/core/WorkerPool"
import * as NodeWorkers from "@shared-nothing/platform/NodeWorkers"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { Tally } from "./Tally.ts"

const worker = new URL("./Tally.worker.ts", import.meta.url)

/** More than a lane of this pool holds: such a payload travels beside it. */
const large = 4_000_000

Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Tally, { size: 2 })
  const words = ["the", "sea", "the", "ship", "the"]
  yield* pool.sendAll(words.map((word) => ({ word, body: new Uint8Array(word.length) })))
  yield* pool.sendAll(words.map((word) => ({ word, body: new Uint8Array(large) })))
  for (const word of ["the", "sea", "storm"]) {
    yield* Console.log(`${word}: ${yield* pool.ask(word, "Count", { word })}`)
  }
  const echo = yield* pool.ask("the", "Echo", { bytes: large })
  yield* Console.log(`echo: ${echo.length}`)
}).pipe(Effect.scoped, Effect.provide(NodeWorkers.layerThreads([Tally, worker])), NodeRuntime.runMain)
