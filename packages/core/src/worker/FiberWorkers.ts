/**
 * The `fiber` backend: workers run in their owner's thread, each in a fiber of its own. For tests
 * and debugging: no thread starts, `TestClock` rules the timeouts, and a breakpoint stops everything.
 *
 * Messages go through the same rings and codecs as between threads. A handler that never returns
 * blocks its owner too, and killing a worker takes effect when its handler next awaits something.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Registry from "../channel/Registry.ts"
import * as ThreadIdentity from "../channel/ThreadIdentity.ts"
import { InvalidConfig, Timeout, WorkerPanicked } from "../errors/Errors.ts"
import * as Worker from "./Worker.ts"
import { Workers } from "./Workers.ts"
import * as WorkerRuntime from "./WorkerRuntime.ts"

/**
 * A contract and its implementation.
 *
 * @category models
 * @since 0.1.0
 */
export type Entry<R> = readonly [
  contract: { readonly workerName: string },
  // The contract that an implementation is of does not matter here.
  // oxlint-disable-next-line typescript/no-explicit-any
  implementation: Layer.Layer<Worker.Implementation<any>, unknown, R>
]

/**
 * Provides `Workers` with the given implementations.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <R = never>(...entries: ReadonlyArray<Entry<R>>): Layer.Layer<Workers, never, R> =>
  Layer.effect(
    Workers,
    Effect.map(Effect.context<R>(), (context) =>
      Workers.of({
        isolation: "fiber",
        parallelism: 1,
        spawn: Effect.fnUntraced(function* ({ contract, links, startMillis }) {
          const entry = entries.find(([known]) => known.workerName === contract.workerName)
          if (entry === undefined) {
            return yield* new InvalidConfig({
              option: "FiberWorkers.layer",
              value: contract.workerName,
              allowed: `one of ${entries.map(([known]) => known.workerName).join(", ") || "(no worker was given)"}`
            })
          }
          const scope = yield* Effect.scope
          const owner = ThreadIdentity.makeVirtual()
          const ready = yield* Deferred.make<void, WorkerPanicked>()
          const body = Effect.scopedWith((inner) =>
            Effect.flatMap(
              Effect.mapError(Layer.buildWithScope(entry[1], inner), (cause) =>
                WorkerRuntime.panicked(links.workerId, "layer", cause)
              ),
              (built) =>
                Effect.flatMap(Effect.provideContext(Worker.implementation, built), (implementation) => {
                  const { workerName } = implementation.contract
                  return workerName === contract.workerName
                    ? WorkerRuntime.run(implementation, links, owner, Deferred.succeed(ready, undefined))
                    : Effect.fail(
                        WorkerRuntime.panicked(
                          links.workerId,
                          "import",
                          `its Layer implements ${workerName}, not ${contract.workerName}`
                        )
                      )
                })
            )
          )
          // It may have taken its place before anybody heard that it is ready.
          const leaving = Effect.ensuring(
            body,
            Effect.sync(() => Registry.bury(owner))
          )
          const fiber = yield* Effect.forkIn(Effect.provideContext(leaving, context), scope)
          const ended = Effect.flatMap(Fiber.await(fiber), (exit) => {
            if (Exit.isSuccess(exit)) return Effect.void
            const error = Cause.squash(exit.cause)
            return Effect.fail(
              error instanceof WorkerPanicked
                ? error
                : new WorkerPanicked({ worker: links.workerId, phase: "run", detail: "its fiber was interrupted" })
            )
          })
          yield* Effect.raceFirst(Deferred.await(ready), Effect.andThen(ended, Effect.never)).pipe(
            Effect.timeoutOrElse({
              duration: startMillis,
              orElse: () =>
                Effect.fail(
                  new Timeout({ operation: `start of worker ${links.workerId}`, millis: startMillis, unsent: [] })
                )
            })
          )
          return { owner, ended, kill: Effect.asVoid(Fiber.interrupt(fiber)) }
        })
      })
    )
  )
