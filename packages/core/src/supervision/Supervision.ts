/**
 * What is done about failures, as values that compose:
 *
 * ```ts
 * const supervision = Supervision.restart(Schedule.exponential("10 millis")).pipe(
 *   Supervision.and(Supervision.retry(Schedule.recurs(3))),
 *   Supervision.and(Supervision.deadline("1 second")),
 *   Supervision.orElse(Supervision.failover)
 * )
 * const pool = yield* WorkerPool.make(Tally, { supervision })
 * ```
 *
 * A value says nothing of where it is used: a pool, or a `Supervisor` of anything else, reads from
 * it what concerns it. Without one, a panic stops the worker that it happened in, for good.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import { dual } from "effect/Function"
import { type Pipeable, pipeArguments } from "effect/Pipeable"
import * as Schedule from "effect/Schedule"
import type * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import type { WorkerPanicked } from "../errors/Errors.ts"

/**
 * Who is restarted with a child that failed: nobody, every other one, or those that started after it.
 *
 * @category models
 * @since 0.1.0
 */
export type Strategy = "oneForOne" | "oneForAll" | "restForOne"

/**
 * What a schedule is asked with: the failure that it decides about.
 *
 * @category models
 * @since 0.1.0
 */
export type FailureSchedule = Schedule.Schedule<unknown, WorkerPanicked>

/**
 * One thing to do about a child that failed. The next in line has its turn when this one is over.
 *
 * @category models
 * @since 0.1.0
 */
export type Measure =
  | { readonly _tag: "Restart"; readonly schedule: FailureSchedule }
  | { readonly _tag: "Failover" }
  | { readonly _tag: "Stop" }
  | { readonly _tag: "Escalate" }

/**
 * @category models
 * @since 0.1.0
 */
export interface Intensity {
  /** Most restarts within the period. */
  readonly restarts: number
  readonly within: Duration.Input
}

/**
 * When state is saved: after so many messages, or so long after the first one since.
 *
 * @category models
 * @since 0.1.0
 */
export interface Snapshots {
  readonly every: number
  readonly within: Duration.Input
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Retry {
  readonly schedule: FailureSchedule
  readonly while: (error: WorkerPanicked) => boolean
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Deadline {
  /** How long one message may take to handle. */
  readonly duration: Duration.Input
  /** How long an interrupted handler may take to end before its worker is replaced. */
  readonly grace: Duration.Input
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Breaker {
  readonly trip: CircuitBreaker.TripPolicy
  readonly openDuration: Duration.Input
  /** What happens to messages for a worker whose circuit is open. */
  readonly whileOpen: "wait" | "fail" | "failover"
}

/**
 * What was decided, and what was left open.
 *
 * @category models
 * @since 0.1.0
 */
export interface Decisions {
  readonly measures: ReadonlyArray<Measure>
  readonly strategy?: Strategy
  readonly intensity?: Intensity
  readonly snapshots?: Snapshots
  readonly retry?: Retry
  readonly deadline?: Deadline
  /** How many workers a message may be the death of before it is given up. */
  readonly deaths?: number
  readonly deadLetters?: number
  readonly breaker?: Breaker
  readonly spares?: number
  readonly failback?: FailureSchedule
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Supervision extends Decisions, Pipeable {
  readonly _tag: "Supervision"
}

const make = (decisions: Decisions): Supervision => ({
  _tag: "Supervision",
  ...decisions,
  pipe() {
    // Typed by `Pipeable`, which knows the functions that it is given.
    return pipeArguments(this, arguments)
  }
})

/**
 * The backoff of `restart` where none is given: 5 ms, doubled each time, 5 s at most, spread by a
 * fifth so that workers that died together do not start together.
 *
 * @category constants
 * @since 0.1.0
 */
export const backoff: FailureSchedule = Schedule.jittered(
  Schedule.min([Schedule.exponential("5 millis"), Schedule.spaced("5 seconds")])
)

/**
 * Replaces a child that failed, after the delay that the schedule gives; its mailbox stays. The
 * schedule begins anew for a worker that acknowledged messages before it failed, and for any child
 * that has lived through a period of the intensity. When it is over, so is this measure.
 *
 * - `strategy`: who else is replaced; `oneForOne` if absent
 * - `intensity`: the most restarts, of all children, in a period; more of them escalate at once.
 *   10 in 10 seconds if absent
 * - `snapshots`: for a contract with `state`, how often it is saved; every 1024 messages or 50 ms if
 *   absent. A message is acknowledged with the snapshot that has its effect, so each message
 *   counts once in the state, whatever dies when
 *
 * @category policies
 * @since 0.1.0
 */
export const restart = (
  schedule: FailureSchedule = backoff,
  options?: {
    readonly strategy?: Strategy | undefined
    readonly intensity?: Intensity | undefined
    readonly snapshots?: Snapshots | undefined
  }
): Supervision =>
  make({
    measures: [{ _tag: "Restart", schedule }],
    ...(options?.strategy === undefined ? {} : { strategy: options.strategy }),
    ...(options?.intensity === undefined ? {} : { intensity: options.intensity }),
    ...(options?.snapshots === undefined ? {} : { snapshots: options.snapshots })
  })

/**
 * Gives a worker up and its key groups to the others, with what is in its mailbox and in its last
 * snapshot; without another worker the next measure has its turn.
 *
 * @category policies
 * @since 0.1.0
 */
export const failover: Supervision = make({ measures: [{ _tag: "Failover" }] })

/**
 * After a failover, starts the worker again by this schedule until that succeeds; its key groups come
 * back then.
 *
 * @category policies
 * @since 0.1.0
 */
export const failback = (schedule: FailureSchedule): Supervision => make({ measures: [], failback: schedule })

/**
 * Leaves a child that failed as it is: what it is sent is refused.
 *
 * @category policies
 * @since 0.1.0
 */
export const stop: Supervision = make({ measures: [{ _tag: "Stop" }] })

/**
 * Fails the whole: what comes after every other measure, too.
 *
 * @category policies
 * @since 0.1.0
 */
export const escalate: Supervision = make({ measures: [{ _tag: "Escalate" }] })

/**
 * Handles a message that failed again, on the same worker, after the delay that the schedule gives,
 * while it gives one and `while` holds. Messages of the same key wait behind it, others do not. After
 * the last try it is a dead letter. A batch that failed is not retried: its worker panics.
 *
 * @category policies
 * @since 0.1.0
 */
export const retry = (
  schedule: FailureSchedule,
  options?: { readonly while?: ((error: WorkerPanicked) => boolean) | undefined }
): Supervision => make({ measures: [], retry: { schedule, while: options?.while ?? (() => true) } })

/**
 * Ends the handling of a message that takes longer: its Effect is interrupted, and if it does not
 * end within `grace` (100 ms), or blocks the thread, its worker is replaced. The message has failed.
 *
 * @category policies
 * @since 0.1.0
 */
export const deadline = (
  duration: Duration.Input,
  options?: { readonly grace?: Duration.Input | undefined }
): Supervision => make({ measures: [], deadline: { duration, grace: options?.grace ?? "100 millis" } })

/**
 * A message that was in the hands of this many workers when they panicked is a dead letter; 3 if
 * nothing is said.
 *
 * @category policies
 * @since 0.1.0
 */
export const poison = (deaths: number): Supervision => make({ measures: [], deaths })

/**
 * How many dead letters are kept until somebody takes them; the oldest make way. 1024 if nothing is said.
 *
 * @category policies
 * @since 0.1.0
 */
export const deadLetters = (capacity: number): Supervision => make({ measures: [], deadLetters: capacity })

/**
 * Stops sending to a worker that keeps failing: its circuit opens by the trip policy, and after
 * `openDuration` one restart is the probe that closes it or opens it again.
 *
 * @category policies
 * @since 0.1.0
 */
export const circuitBreaker = (options: {
  readonly trip: CircuitBreaker.TripPolicy
  readonly openDuration: Duration.Input
  readonly whileOpen?: Breaker["whileOpen"] | undefined
}): Supervision =>
  make({
    measures: [],
    breaker: { trip: options.trip, openDuration: options.openDuration, whileOpen: options.whileOpen ?? "wait" }
  })

/**
 * Keeps this many workers started ahead, to take the place of one that died.
 *
 * @category policies
 * @since 0.1.0
 */
export const spares = (count: number): Supervision => make({ measures: [], spares: count })

const merge = (self: Supervision, that: Supervision, measures: ReadonlyArray<Measure>): Supervision =>
  make({ ...self, ...that, measures })

/**
 * Both; where they differ, the second holds.
 *
 * @category combinators
 * @since 0.1.0
 */
export const and: {
  (that: Supervision): (self: Supervision) => Supervision
  (self: Supervision, that: Supervision): Supervision
} = dual(2, (self: Supervision, that: Supervision) =>
  merge(self, that, that.measures.length === 0 ? self.measures : that.measures)
)

/**
 * The second when the measures of the first are over.
 *
 * @category combinators
 * @since 0.1.0
 */
export const orElse: {
  (that: Supervision): (self: Supervision) => Supervision
  (self: Supervision, that: Supervision): Supervision
} = dual(2, (self: Supervision, that: Supervision) => merge(self, that, [...self.measures, ...that.measures]))
