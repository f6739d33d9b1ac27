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
  /** How long one message or request may take to handle, where nothing else is said. */
  readonly duration: Duration.Input
  /** How long requests may take, by their tag. */
  readonly requests: Readonly<Record<string, Duration.Input>>
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
  /** What happens to messages whose circuit is open. */
  readonly whileOpen: "wait" | "fail" | "failover"
}

/**
 * When a worker that has done nothing wrong is replaced: after so many messages, or when its heap is
 * so full.
 *
 * @category models
 * @since 0.1.0
 */
export interface Recycle {
  readonly messages?: number | undefined
  readonly heap?: HeapWatermark | undefined
}

/**
 * A share of what the heap may have, or megabytes of heap and buffers together.
 *
 * @category models
 * @since 0.1.0
 */
export interface HeapWatermark {
  readonly share?: number | undefined
  readonly megabytes?: number | undefined
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
  readonly groupBreaker?: Breaker
  readonly spares?: number
  readonly recycle?: Recycle
  readonly failback?: FailureSchedule
  /** What a constructor was given and has no use for: it does not throw, whoever checks the value refuses it. */
  readonly refused?: Refused
}

/**
 * What cannot be, by its name, and what can.
 *
 * @category models
 * @since 0.1.0
 */
export type Refused = readonly [option: string, value: unknown, allowed: string]

/**
 * @category models
 * @since 0.1.0
 */
export interface Supervision extends Decisions, Pipeable {
  readonly _tag: "Supervision"
}

/**
 * Whether a value was made by this module; what it holds may still be wrong.
 *
 * @category guards
 * @since 0.1.0
 */
export const isSupervision = (input: unknown): input is Supervision =>
  typeof input === "object" && input !== null && "_tag" in input && input._tag === "Supervision"

const make = (decisions: Decisions): Supervision => ({
  _tag: "Supervision",
  ...decisions,
  pipe() {
    // Typed by `Pipeable`, which knows the functions that it is given.
    return pipeArguments(this, arguments)
  }
})

/** The first option that has none of these names: plain JavaScript may have misspelt it. */
const misspelt = (
  where: string,
  options: object | undefined,
  ...names: ReadonlyArray<string>
): Pick<Decisions, "refused"> => {
  if (options === undefined || options === null) return {}
  const allowed = `an option of ${where}: ${names.join(", ")}`
  if (typeof options !== "object") return { refused: [where, options, allowed] }
  const name = Object.keys(options).find((key) => !names.includes(key))
  return name === undefined ? {} : { refused: [`${where}.${name}`, Reflect.get(options, name), allowed] }
}

/**
 * The backoff of `restart` where none is given: at once the first time, then after 5 ms, doubled each
 * time, 5 s at most, spread by a fifth so that workers that died together do not start together.
 *
 * @category constants
 * @since 0.1.0
 */
export const backoff: FailureSchedule = Schedule.concat(
  Schedule.recurs(1),
  Schedule.jittered(Schedule.min([Schedule.exponential("5 millis"), Schedule.spaced("5 seconds")]))
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
    ...(options?.snapshots === undefined ? {} : { snapshots: options.snapshots }),
    ...misspelt("restart", options, "strategy", "intensity", "snapshots")
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
 * the last try it is a dead letter.
 *
 * A batch that failed is tried again as it was. After the last try each of its messages is handled
 * once more, alone, and those that fail are dead letters.
 *
 * @category policies
 * @since 0.1.0
 */
export const retry = (
  schedule: FailureSchedule,
  options?: { readonly while?: ((error: WorkerPanicked) => boolean) | undefined }
): Supervision =>
  make({
    measures: [],
    retry: { schedule, while: options?.while ?? (() => true) },
    ...misspelt("retry", options, "while")
  })

/**
 * Ends the handling of a message that takes longer: its Effect is interrupted, and if it does not
 * end within `grace` (100 ms), or blocks the thread, its worker is replaced. The message has failed.
 *
 * `requests` gives some requests a deadline of their own, by their tag, and `send` takes one for the messages that it
 * sends. `Infinity` is for those that say so alone.
 *
 * @category policies
 * @since 0.1.0
 */
export const deadline = (
  duration: Duration.Input,
  options?: {
    readonly grace?: Duration.Input | undefined
    readonly requests?: Readonly<Record<string, Duration.Input>> | undefined
  }
): Supervision =>
  make({
    measures: [],
    deadline: { duration, grace: options?.grace ?? "100 millis", requests: options?.requests ?? {} },
    ...misspelt("deadline", options, "grace", "requests")
  })

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
 * Gives what keeps failing a rest: the circuit of a worker, or with `per: "keyGroup"` of each key group
 * of it, opens by the trip policy, and after `openDuration` one probe closes it or opens it again. `and`
 * joins one of each.
 *
 * Failures are the messages that failed, each try counting (where `retry` or `deadline` keeps their
 * worker alive), and the ends of lives. The probe is the next message, or the next life.
 *
 * - `wait`: senders go on until the mailbox is full; what is in there is kept until the circuit closes
 * - `fail`: messages and requests are refused with `WorkerNotRunning`, and `retryAfterMillis` says
 *   when the next probe is; what other threads send waits
 * - `failover`: others do the worker's work until then; another has the key group, with its state and what waited
 *   for it, and gives it back for the probe
 *
 * @category policies
 * @since 0.1.0
 */
export const circuitBreaker = (options: {
  readonly trip: CircuitBreaker.TripPolicy
  readonly openDuration: Duration.Input
  readonly whileOpen?: Breaker["whileOpen"] | undefined
  readonly per?: "worker" | "keyGroup" | undefined
}): Supervision => {
  const { openDuration, per = "worker", trip, whileOpen = "wait" } = options ?? {}
  const breaker = { trip, openDuration, whileOpen }
  const rest: Decisions = {
    measures: [],
    ...misspelt("circuitBreaker", options, "trip", "openDuration", "whileOpen", "per"),
    ...(per === "worker" || per === "keyGroup"
      ? {}
      : { refused: ["circuitBreaker.per", per, "one of worker, keyGroup"] as const })
  }
  return make(per === "keyGroup" ? { ...rest, groupBreaker: breaker } : { ...rest, breaker })
}

/**
 * Keeps this many workers started ahead, to take the place of one that died.
 *
 * @category policies
 * @since 0.1.0
 */
export const spares = (count: number): Supervision => make({ measures: [], spares: count })

/**
 * Replaces each worker after it has handled so many messages and requests, by up to a tenth fewer so
 * that they do not go together, and one at a time. It leaves after what it has in hand; its successor
 * has its state, if the contract has `state`, and its mailbox. Nothing is refused meanwhile.
 *
 * @category policies
 * @since 0.1.0
 */
export const recycleAfter = (messages: number): Supervision => make({ measures: [], recycle: { messages } })

/**
 * Replaces each worker, as `recycleAfter` does, when its heap is fuller than `share` of what it may
 * have (`WorkerConfig.heapMegabytes`), or heap and buffers together are more than `megabytes`. Heaps
 * are measured after V8 has cleaned them. A worker that fills its heap within one message is not
 * saved by this; on fibers there is nothing to measure.
 *
 * @category policies
 * @since 0.1.0
 */
export const heapWatermark = (watermark: { readonly share: number } | { readonly megabytes: number }): Supervision =>
  make({ measures: [], recycle: { heap: watermark } })

/** What `and` and `orElse` are given, or a value that refuses it. */
const valueOr = (where: string, value: Supervision): Supervision =>
  isSupervision(value) ? value : make({ measures: [], refused: [where, value, "a value of this module"] })

const merge = (self: Supervision, that: Supervision, measures: ReadonlyArray<Measure>): Supervision =>
  make({
    ...self,
    ...that,
    measures,
    ...(self.recycle === undefined ? {} : { recycle: { ...self.recycle, ...that.recycle } })
  })

/**
 * Both; where they differ, the second holds.
 *
 * @category combinators
 * @since 0.1.0
 */
export const and: {
  (that: Supervision): (self: Supervision) => Supervision
  (self: Supervision, that: Supervision): Supervision
} = dual(2, (self: Supervision, other: Supervision) => {
  const that = valueOr("and", other)
  return merge(self, that, that.measures.length === 0 ? self.measures : that.measures)
})

/**
 * The second when the measures of the first are over.
 *
 * @category combinators
 * @since 0.1.0
 */
export const orElse: {
  (that: Supervision): (self: Supervision) => Supervision
  (self: Supervision, that: Supervision): Supervision
} = dual(2, (self: Supervision, other: Supervision) => {
  const that = valueOr("orElse", other)
  return merge(self, that, [...self.measures, ...that.measures])
})
