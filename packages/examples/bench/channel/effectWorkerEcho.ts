/**
 * Rival in latency and idling: Effect's worker transport.
 *
 * @since 0.1.0
 */
import * as NodeWorker from "@effect/platform-node/NodeWorker"
import * as NodeWorkerRunner from "@effect/platform-node/NodeWorkerRunner"
import * as Effect from "effect/Effect"
import * as Worker from "effect/workers/Worker"
import * as WorkerRunner from "effect/workers/WorkerRunner"
import * as Threads from "node:worker_threads"
import type { RunSubject } from "../harness/Suite.ts"
import { callBack, type EchoArgs, RoundTrips } from "./RoundTrips.ts"

/**
 * @category running
 * @since 0.1.0
 */
export const run: RunSubject<EchoArgs> = (args, load) =>
  Effect.gen(function* () {
    const platform = yield* Worker.WorkerPlatform
    const worker = yield* platform.spawn<unknown, unknown>(0)
    let listener: (value: unknown) => void = () => {}
    yield* worker.run((value) => Effect.sync(() => listener(value))).pipe(Effect.forkScoped({ startImmediately: true }))
    return yield* Effect.promise(() =>
      callBack(
        new RoundTrips(args, load),
        (value) => Effect.runSync(worker.send(value)),
        (given) => {
          listener = given
        }
      )
    )
  }).pipe(
    Effect.scoped,
    Effect.provide(NodeWorker.layer(() => new Threads.Worker(new URL(import.meta.url)))),
    Effect.runPromise
  )

const echo = Effect.gen(function* () {
  const platform = yield* WorkerRunner.WorkerRunnerPlatform
  const runner = yield* platform.start<unknown, unknown>()
  return yield* runner.run<void, never, never>((port, value) => runner.sendUnsafe(port, value))
})

if (!Threads.isMainThread) await Effect.runPromise(Effect.provide(echo, NodeWorkerRunner.layer))
