/**
 * The first start of a subtask's worker. What dies before it has begun is started again, as what dies
 * later is: by the measures of the pipeline's supervision, within its intensity.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Cause from "effect/Cause"
import { InvalidConfig, Timeout, WorkerPanicked } from "../../errors/Errors.ts"
import { EventLog } from "../../supervision/EventLog.ts"
import { type Child, Recovery } from "../../supervision/Recovery.ts"
import type { Supervision } from "../../supervision/Supervision.ts"
import { PipelineFailed, toFailed } from "../PipelineFailed.ts"

/**
 * @category models
 * @since 0.1.0
 */
export type StartError = InvalidConfig | WorkerPanicked | Timeout

/**
 * The death of a place: it ended without a word, or never spoke. What a worker says of itself, such as
 * that its module has no such pipeline, would be the same the next time.
 */
const deathIn = <A>(worker: string, exit: Exit.Exit<A, StartError>): WorkerPanicked | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  const error = Cause.squash(exit.cause)
  if (error instanceof WorkerPanicked) return error.exitCode === undefined ? undefined : error
  return error instanceof Timeout
    ? new WorkerPanicked({ worker, phase: "start", detail: error.message, cause: error })
    : undefined
}

/**
 * Starts a worker under a supervision. Fails as the last attempt did.
 *
 * @category runners
 * @since 0.1.0
 */
export const startUnder = <A, R>(
  supervision: Supervision | undefined,
  worker: string,
  start: Effect.Effect<A, StartError, R>
): Effect.Effect<A, StartError, R> =>
  Effect.gen(function* () {
    let last = yield* Effect.exit(start)
    const death = deathIn(worker, last)
    if (death === undefined || supervision === undefined) return yield* last
    const context = yield* Effect.context<R>()
    const child: Child = {
      id: worker,
      isWanted: () => true,
      isAlive: () => true,
      progressed: () => false,
      begin: Effect.suspend(() =>
        Effect.flatMap(Effect.exit(Effect.provideContext(start, context)), (exit) => {
          last = exit
          const again = deathIn(worker, exit)
          return again === undefined ? Effect.void : Effect.fail(again)
        })
      ),
      halt: Effect.void,
      giveUp: () => Effect.void
    }
    const recovery = new Recovery({
      decisions: supervision,
      children: () => [child],
      events: yield* EventLog.make,
      failover: () => Effect.succeed(-1),
      heldBack: () => Effect.succeed(0),
      onEscalate: () => Effect.void
    })
    yield* recovery.recover(child, death)
    return yield* last
  })

/**
 * Why a subtask did not start, as the failure of its stage.
 *
 * @category constructors
 * @since 0.1.0
 */
export const toStartError =
  (stage: string) =>
  (error: StartError): InvalidConfig | PipelineFailed => {
    if (error instanceof InvalidConfig || error instanceof PipelineFailed) return error
    if (!(error instanceof WorkerPanicked)) return toFailed(stage)(error)
    const { cause, detail, exitCode, phase } = error
    return new PipelineFailed({
      // A place knows itself by its number among those of its pool.
      worker: exitCode === undefined ? error.worker : stage,
      phase,
      detail,
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(cause === undefined ? {} : { cause })
    })
  }
