/**
 * What follows the failure of a child: the measures of a `Supervision`, one after the other, within
 * its intensity. After Erlang's supervisors.
 *
 * ```
 * failed ─▶ Restart ─(delay)─▶ start ─▶ running
 *             │ schedule over     │ fails: once more
 *             ▼                   ▼
 *           the next measure: Restart, Failover, Stop, or at last Escalate
 * ```
 *
 * One recovery runs for a child at a time, and one for all where the strategy replaces more than the
 * child that failed.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import { toMillis } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Cause from "effect/Cause"
import * as Semaphore from "effect/Semaphore"
import type { WorkerPanicked } from "../errors/Errors.ts"
import { panicked } from "../worker/Panic.ts"
import { Backoff } from "./Backoff.ts"
import type { EventLog } from "./EventLog.ts"
import { SupervisionEvent } from "./SupervisionEvent.ts"
import type { Decisions, Measure } from "./Supervision.ts"

/**
 * What is supervised.
 *
 * @category models
 * @since 0.1.0
 */
export interface Child {
  readonly id: string
  /** Whether another life is still wanted. */
  readonly isWanted: () => boolean
  /** Whether it has a life, or another one is wanted. */
  readonly isAlive: () => boolean
  /** Whether the life that ended had got anywhere: its failure is the first of a row then. */
  readonly progressed: () => boolean
  /** Begins a new life. Only called when there is none. */
  readonly begin: Effect.Effect<void, WorkerPanicked>
  /** Ends a life that another child's failure ends too; it begins anew soon. */
  readonly halt: Effect.Effect<void>
  /** There will be no other life. */
  readonly giveUp: (error: WorkerPanicked) => Effect.Effect<void>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface RecoveryOptions {
  readonly decisions: Decisions
  /** In the order they started. */
  readonly children: () => ReadonlyArray<Child>
  readonly events: EventLog
  /** Gives the work of a child to the others, if there are any: how many key groups moved, or -1. */
  readonly failover: (child: Child) => Effect.Effect<number>
  /** Milliseconds until a child may be tried again, told that it failed. */
  readonly heldBack: (child: Child, error: WorkerPanicked) => Effect.Effect<number>
  /** Fails the whole. */
  readonly onEscalate: (error: WorkerPanicked) => Effect.Effect<void>
}

interface Course {
  measure: number
  backoff: Backoff | undefined
  startedAt: number
}

/**
 * @category constants
 * @since 0.1.0
 */
export const defaultIntensity = { restarts: 10, within: "10 seconds" } as const

const escalate: Measure = { _tag: "Escalate" }

/**
 * @category models
 * @since 0.1.0
 */
export class Recovery {
  readonly escalated = Deferred.makeUnsafe<never, WorkerPanicked>()
  /** True once nothing is restarted any more. */
  over = false
  private readonly options: RecoveryOptions
  private readonly courses = new Map<Child, Course>()
  private readonly restarts: number
  private readonly withinMillis: number
  private readonly turn = Semaphore.makeUnsafe(1)
  private times: Array<number> = []

  constructor(options: RecoveryOptions) {
    const { restarts, within } = options.decisions.intensity ?? defaultIntensity
    this.options = options
    this.restarts = restarts
    this.withinMillis = toMillis(within)
  }

  /** Whether the failure of a child will be followed by anything but its end. */
  get recovers(): boolean {
    const [first] = this.options.decisions.measures
    return !this.over && first !== undefined && first._tag !== "Stop"
  }

  /** Does what is to be done about a child that failed; what breaks on the way fails the whole, never in silence. */
  recover(child: Child, error: WorkerPanicked): Effect.Effect<void> {
    const alone = (this.options.decisions.strategy ?? "oneForOne") === "oneForOne"
    const course = alone ? this.follow(child, error) : this.turn.withPermits(1)(this.follow(child, error))
    return Effect.catchCause(course, (cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.void
        : this.escalate(panicked(child.id, "supervision", Cause.squash(cause)))
    )
  }

  private follow(child: Child, first: WorkerPanicked): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const { events } = this.options
      const noticed = yield* Clock.currentTimeMillis
      const course = this.courseOf(child, noticed)
      let error = first
      events.add(SupervisionEvent.Failed({ worker: child.id, error }))
      while (!this.over) {
        const measure = this.options.decisions.measures[course.measure] ?? escalate
        if (measure._tag === "Escalate") return yield* this.escalate(error)
        if (measure._tag === "Stop") return yield* this.giveUp(child, error)
        if (measure._tag === "Failover") {
          const groups = yield* this.options.failover(child)
          if (groups >= 0) {
            events.add(SupervisionEvent.FailedOver({ worker: child.id, groups }))
            return yield* this.giveUp(child, error)
          }
          course.measure += 1
          continue
        }
        const held = yield* this.options.heldBack(child, error)
        // Others do its work, and it comes back in another way.
        if (held === Infinity) return
        const delay = yield* (course.backoff ??= new Backoff(measure.schedule)).next(error)
        if (delay === undefined) {
          course.measure += 1
          course.backoff = undefined
          continue
        }
        if (!this.takeOne(yield* Clock.currentTimeMillis)) return yield* this.escalate(error)
        const delayMillis = Math.max(delay, held)
        events.add(SupervisionEvent.Restarting({ worker: child.id, delayMillis }))
        if (delayMillis > 0) yield* Effect.sleep(delayMillis)
        if (!this.isWanted(child)) return
        if (this.over) break
        const exit = yield* Effect.exit(this.begin(child))
        if (Exit.isSuccess(exit)) {
          course.startedAt = yield* Clock.currentTimeMillis
          events.add(SupervisionEvent.Restarted({ worker: child.id, millis: course.startedAt - noticed }))
          return
        }
        // Called off: that is no failure.
        if (!this.isWanted(child)) return
        const failure = Cause.findErrorOption(exit.cause)
        // A start that breaks in a way nobody declared is a failed start too: to give up on it in
        // silence would leave the child waiting for a life for ever.
        error = failure._tag === "None" ? panicked(child.id, "start", Cause.squash(exit.cause)) : failure.value
        events.add(SupervisionEvent.Failed({ worker: child.id, error }))
        yield* Effect.logWarning(`${error.message}; it did not start`)
      }
      yield* child.giveUp(error)
    })
  }

  private courseOf(child: Child, now: number): Course {
    let course = this.courses.get(child)
    if (course === undefined) {
      course = { measure: 0, backoff: undefined, startedAt: now }
      this.courses.set(child, course)
    } else if (child.progressed() || now - course.startedAt >= this.withinMillis) {
      course.measure = 0
      course.backoff = undefined
    }
    return course
  }

  private takeOne(now: number): boolean {
    this.times = this.times.filter((time) => now - time < this.withinMillis)
    this.times.push(now)
    return this.times.length <= this.restarts
  }

  /** Those that begin anew when a child does: not who was stopped, or given up. */
  private groupOf(child: Child): ReadonlyArray<Child> {
    const { strategy = "oneForOne" } = this.options.decisions
    if (strategy === "oneForOne") return [child]
    const children = this.options.children()
    const at = children.indexOf(child)
    // Others have its work by now.
    if (at < 0) return [child]
    return children.slice(strategy === "oneForAll" ? 0 : at).filter((other) => other.isAlive())
  }

  private isWanted(child: Child): boolean {
    return this.groupOf(child).some((other) => other.isWanted())
  }

  private begin(child: Child): Effect.Effect<void, WorkerPanicked> {
    return Effect.suspend(() => {
      const group = this.groupOf(child)
      const begun: Array<Child> = []
      const halt = (others: ReadonlyArray<Child>) =>
        // The last first, as they would end if they depended on each other.
        Effect.forEach([...others].reverse(), (other) => other.halt, { discard: true })
      return Effect.andThen(
        halt(group.filter((other) => other !== child)),
        Effect.onError(
          Effect.forEach(group, (other) => Effect.map(other.begin, () => void begun.push(other)), { discard: true }),
          // All begin together, or none: the next try begins with those that did, too.
          () => halt(begun)
        )
      )
    })
  }

  private giveUp(child: Child, error: WorkerPanicked): Effect.Effect<void> {
    this.options.events.add(SupervisionEvent.GaveUp({ worker: child.id, error }))
    return child.giveUp(error)
  }

  private escalate(error: WorkerPanicked): Effect.Effect<void> {
    if (this.over) return Effect.void
    this.over = true
    this.options.events.add(SupervisionEvent.Escalated({ error }))
    return Effect.andThen(
      this.options.onEscalate(error),
      Effect.sync(() => Deferred.doneUnsafe(this.escalated, Effect.fail(error)))
    )
  }
}
