/**
 * Runs the job as a pipeline, and gathers what comes out of it. A thread that dies has a successor, which
 * goes on where it was.
 *
 * @since 0.1.0
 */
import type { InvalidConfig } from "@shared-nothing/core/Errors"
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Supervision from "@shared-nothing/core/Supervision"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { type Airport, loadAirports } from "../airports.ts"
import { InputError } from "../InputError.ts"
import { flightDelays } from "../pipeline/delays.ts"
import type { KeyDelays } from "../pipeline/Messages.ts"
import type { Runner } from "./Runner.ts"

/** Of the groups so far: megabytes, so not often. */
const snapshots = { every: 65_536, within: "500 millis" } as const

/** @param backend where the pipeline's stages run; on fibers of this thread if it is empty */
export const overPipeline =
  (backend: Layer.Layer<never, InvalidConfig>): Runner =>
  (plan, options, { onPart, progress }) =>
    Effect.gen(function* () {
      const { passes = 1 } = options
      const pipeline = flightDelays(Stream.fromIterableEffect(loadAirports), { ...options, passes }).pipe(
        Pipeline.supervised(Supervision.restart(undefined, { snapshots }))
      )
      // Threads start while the file is looked at; one that cannot be used ends their start.
      const [running] = yield* Effect.all([Pipeline.run(pipeline), plan], { concurrency: "unbounded" })
      const depths = Stream.runForEach(running.statsEvery("100 millis"), (stats) =>
        Effect.sync(() => {
          progress.depths = stats.filter(({ name }) => name === "delays").map(({ depth }) => depth)
        })
      )
      yield* Effect.forkScoped(depths)
      const delays: Array<KeyDelays> = []
      const airports = new Map<string, Airport>()
      const messages = Array.from({ length: options.workers }, () => 0)
      yield* Stream.runForEach(running.output, (outcome) => {
        switch (outcome._tag) {
          case "Report":
            progress.advance(outcome.size, outcome.rows)
            return onPart(outcome)
          case "Unreadable":
            return Effect.fail(new InputError(outcome.why))
          case "Delays":
            delays.push(outcome)
            for (const airport of [outcome.from, outcome.to])
              if (airport !== undefined) airports.set(airport.iata, airport)
            return Effect.void
          case "Handled":
            messages[outcome.worker] = outcome.batches
            return Effect.void
        }
      })
      return { delays, airports, messages }
    }).pipe(
      Effect.scoped,
      Effect.provide(backend),
      // What is left is a fault of this program or of a thread, which no user can mend.
      Effect.catchIf((error) => !(error instanceof InputError), Effect.die)
    )
