/**
 * `Workers` on places that Node.js starts: threads or processes that import a module and then wait to be
 * told what worker they are.
 *
 * @since 0.1.0
 */
import * as NodeWorker from "@effect/platform-node/NodeWorker"
import { type InvalidConfig, Timeout, WorkerPanicked } from "@shared-nothing/core/Errors"
import { type PrepareOptions, type Spare, Workers } from "@shared-nothing/core/Workers"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as EffectWorker from "effect/workers/Worker"
import type { WorkerError } from "effect/workers/WorkerError"
import * as Entries from "./Entries.ts"
import { parallelism } from "./Parallelism.ts"
import * as Telemetry from "./Telemetry.ts"

/**
 * A place that has been started; `ready` once it has imported its module.
 *
 * @category models
 * @since 0.1.0
 */
export interface Started extends Spare {
  readonly ready: Effect.Effect<void, WorkerPanicked | Timeout>
}

/**
 * Starts a place for a module. `name` is what it is called until it knows what worker it is.
 *
 * @category models
 * @since 0.1.0
 */
export type Start = (
  platform: EffectWorker.WorkerPlatform["Service"],
  telemetry: Effect.Success<typeof Telemetry.receiver>,
  module: URL,
  name: string,
  options: PrepareOptions
) => Effect.Effect<Started, WorkerPanicked, Scope.Scope>

/** How long a place whose channel is closed may take to say why, in milliseconds. */
const lastWordsMillis = 100

/**
 * Tells a place what worker it is, and waits until it is ready. What cannot be told is a panic, unless the
 * place has ended and says why itself.
 *
 * @category runners
 * @since 0.1.0
 */
export const begin = <A>(
  worker: string,
  tell: Effect.Effect<void, WorkerError>,
  ready: Effect.Effect<A, WorkerPanicked>
): Effect.Effect<A, WorkerPanicked> =>
  Effect.flatMap(Effect.result(tell), (told) =>
    told._tag === "Success"
      ? ready
      : Effect.timeoutOrElse(ready, {
          duration: lastWordsMillis,
          orElse: () => {
            const { cause, message } = told.failure.reason
            const detail = cause instanceof Error ? cause.message : message
            return Effect.fail(
              new WorkerPanicked({ worker, phase: "start", detail: `it cannot be told what it is: ${detail}`, cause })
            )
          }
        })
  )

/**
 * Fails with `Timeout` if a worker has not come so far after `millis`.
 *
 * @category runners
 * @since 0.1.0
 */
export const within = <A, E>(
  worker: string,
  millis: number,
  effect: Effect.Effect<A, E>
): Effect.Effect<A, E | Timeout> =>
  Effect.timeoutOrElse(effect, {
    duration: millis,
    orElse: () => Effect.fail(new Timeout({ operation: `start of worker ${worker}`, millis, unsent: [] }))
  })

/**
 * The layer called `where` in errors. Fails with `InvalidConfig` if a module is not there, naming the
 * path it resolved to.
 *
 * @category layers
 * @since 0.1.0
 */
export const make = (
  isolation: Workers["Service"]["isolation"],
  where: string,
  entries: ReadonlyArray<Entries.Entry>,
  start: Start
): Layer.Layer<Workers, InvalidConfig> =>
  Layer.effect(
    Workers,
    Effect.gen(function* () {
      const modules = yield* Entries.resolve(where, entries)
      const platform = yield* EffectWorker.WorkerPlatform
      const telemetry = yield* Telemetry.receiver
      const startFor = (name: string, options: PrepareOptions) =>
        Effect.flatMap(Entries.find(where, modules, options.contract), (module) =>
          start(platform, telemetry, module, name, options)
        )
      return Workers.of({
        isolation,
        parallelism: parallelism(),
        spawn: (options) =>
          Effect.flatMap(startFor(options.links.workerId, options), (started) => started.spawn(options)),
        prepare: (options) =>
          Effect.tap(startFor(`${options.contract.workerName}/spare`, options), ({ ready }) => ready)
      })
    })
  ).pipe(Layer.provide(NodeWorker.layerPlatform))
