/**
 * What became of something that was put to every worker, where it failed: a cause with a reason for
 * each worker that it failed at.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

/** The worker that a reason is about. */
class FailedWorker extends Context.Service<FailedWorker, string>()("shared-nothing/pool/FailedWorker") {}

/**
 * One worker that failed, and why.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkerFailure<out E> {
  readonly worker: string
  readonly reason: Cause.Reason<E>
}

/**
 * The workers that a `broadcast` or an `askAll` failed at, each with its error, in the order of
 * `workerIds`:
 *
 * ```ts
 * pool.broadcast(message).pipe(
 *   Effect.catchCause((cause) => Effect.logError(WorkerPool.failures(cause).map(({ worker }) => worker)))
 * )
 * ```
 *
 * @category accessors
 * @since 0.1.0
 */
export const failures = <E>(cause: Cause.Cause<E>): ReadonlyArray<WorkerFailure<E>> =>
  cause.reasons.flatMap((reason) => {
    const worker = Context.getOrUndefined(Cause.reasonAnnotations(reason), FailedWorker)
    return worker === undefined ? [] : [{ worker, reason }]
  })

/**
 * Succeeds with what every worker's did, or fails with the failures of all that failed.
 *
 * @category combinators
 * @since 0.1.0
 */
export const gather = <A, E>(
  exits: ReadonlyArray<readonly [worker: string, exit: Exit.Exit<A, E>]>
): Effect.Effect<ReadonlyArray<A>, E> => {
  const reasons: Array<Cause.Reason<E>> = []
  const values: Array<A> = []
  for (const [worker, exit] of exits) {
    if (Exit.isSuccess(exit)) values.push(exit.value)
    else reasons.push(...Cause.annotate(exit.cause, Context.make(FailedWorker, worker)).reasons)
  }
  return reasons.length === 0 ? Effect.succeed(values) : Effect.failCause(Cause.fromReasons(reasons))
}
