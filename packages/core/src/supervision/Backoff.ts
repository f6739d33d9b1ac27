/**
 * A schedule that is asked from plain code: how long to wait before the next try, if there is one.
 *
 * @since 0.1.0
 */
import { toMillis } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import type { WorkerPanicked } from "../errors/Errors.ts"
import type { FailureSchedule } from "./Supervision.ts"

type Step = Effect.Success<ReturnType<typeof Schedule.toStep<unknown, WorkerPanicked, never, never>>>

/**
 * @category models
 * @since 0.1.0
 */
export class Backoff {
  private readonly schedule: FailureSchedule
  private step: Step | undefined

  constructor(schedule: FailureSchedule) {
    this.schedule = schedule
  }

  /** Milliseconds to wait; undefined when the schedule is over. */
  next(error: WorkerPanicked): Effect.Effect<number | undefined> {
    return Effect.gen({ self: this }, function* () {
      const step = (this.step ??= yield* Schedule.toStep(this.schedule))
      return yield* Pull.matchEffect(step(Date.now(), error), {
        onSuccess: ([, delay]) => Effect.succeed<number | undefined>(toMillis(delay)),
        onDone: () => Effect.succeed(undefined),
        onFailure: (cause) => Effect.failCause(cause)
      })
    })
  }

  /** Begins anew. */
  reset(): void {
    this.step = undefined
  }
}
