/**
 * What a pool does about failures: it carries its `Supervision` out on its members.
 *
 * A member that panicked and will be replaced keeps its mailbox open. What its owner remembers from
 * one life to the next is here: the last snapshot, and which messages failed how often.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import { toMillis } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Poll from "../channel/Poll.ts"
import { WorkerPanicked } from "../errors/Errors.ts"
import { Attempts, type Place } from "../supervision/Attempts.ts"
import type { DeadLetters } from "../supervision/DeadLetter.ts"
import type { EventLog } from "../supervision/EventLog.ts"
import { Backoff } from "../supervision/Backoff.ts"
import { decides } from "../supervision/checks.ts"
import type { Circuits } from "../supervision/Circuits.ts"
import { type Child, Recovery } from "../supervision/Recovery.ts"
import { SupervisionEvent } from "../supervision/SupervisionEvent.ts"
import type { Decisions } from "../supervision/Supervision.ts"
import type { Safeguard } from "../worker/Safeguard.ts"
import * as Wire from "../worker/Wire.ts"
import type { AnyContract } from "../worker/Worker.ts"
import { lastOf } from "./Blame.ts"
import type { Breaking } from "./Breaking.ts"
import type { Member } from "./Member.ts"
import { Recycling } from "./Recycling.ts"
import { Reports } from "./Reports.ts"
import { ackedOf, type Handed, panicOf, Ward } from "./Ward.ts"
import { requestMillisOf, Watchdog } from "./Watchdog.ts"

const defaultSnapshots = { every: 1024, within: "50 millis" } as const
const defaultDeaths = 3

/**
 * What a pool lets its care do.
 *
 * @category models
 * @since 0.1.0
 */
export interface CareHooks {
  readonly members: () => ReadonlyArray<Member>
  readonly failover: (member: Member) => Effect.Effect<number>
  readonly failback: (member: Member) => Effect.Effect<number, WorkerPanicked>
  /** Asks whoever has the key then what a member was asked and did not answer. */
  readonly reroute: (request: number) => void
  /** Puts a message back into the mailbox that it comes from. */
  readonly handBack: (member: Member, handed: Handed) => void
  /** Has a member leave and begin anew, when no other does. */
  readonly recycle: (member: Member) => Effect.Effect<boolean>
  /** Settles all that waits for a member that will not come back. */
  readonly onGiveUp: (member: Member, error: WorkerPanicked) => Effect.Effect<void>
  readonly onEscalate: (error: WorkerPanicked) => Effect.Effect<void>
}

/** How long a worker may have nothing to do before a probe counts as a success, in milliseconds. */
const idleMillis = 100

/**
 * @category models
 * @since 0.1.0
 */
export class Care {
  readonly decisions: Decisions
  readonly events: EventLog
  readonly letters: DeadLetters
  readonly recovery: Recovery
  /** Takes what workers report without being asked. */
  readonly reports: Reports
  private readonly contract: AnyContract
  private readonly scope: Scope.Scope
  readonly breaking: Breaking
  private readonly hooks: CareHooks
  private readonly wards = new Map<Member, Ward>()
  private readonly watchdog: Watchdog | undefined
  private readonly recycling: Recycling | undefined
  /** Deadlines of requests that have their own, by their index. */
  private readonly requestMillis: ReadonlyArray<number>

  constructor(
    decisions: Decisions,
    contract: AnyContract,
    events: EventLog,
    letters: DeadLetters,
    scope: Scope.Scope,
    breaking: Breaking,
    hooks: CareHooks
  ) {
    this.breaking = breaking
    this.decisions = decisions
    this.contract = contract
    this.events = events
    this.letters = letters
    this.scope = scope
    this.hooks = hooks
    const wire = Wire.compile(contract)
    this.reports = new Reports(wire, scope, this)
    this.recovery = new Recovery({
      decisions,
      events,
      children: () => hooks.members().map((member) => this.ward(member).child),
      failover: (child) => this.failover(this.memberOf(child)),
      heldBack: (child, error) => this.heldBack(this.memberOf(child), error),
      onEscalate: hooks.onEscalate
    })
    const { deadline, recycle } = decisions
    this.requestMillis = requestMillisOf(deadline, wire)
    if (recycle !== undefined) {
      this.recycling = new Recycling(recycle, {
        members: hooks.members,
        recycle: hooks.recycle,
        onRecycled: (member, because, millis) =>
          events.add(SupervisionEvent.Recycled({ worker: member.id, because, millis }))
      })
    }
    if (deadline !== undefined) {
      this.watchdog = new Watchdog({
        deadlineMillis: toMillis(deadline.duration),
        graceMillis: toMillis(deadline.grace),
        members: hooks.members,
        onOverdue: (member, millis) => events.add(SupervisionEvent.Overdue({ worker: member.id, millis }))
      })
    }
  }

  private get circuits(): Circuits | undefined {
    return this.breaking.workers?.circuits
  }

  /** Whether a worker asks its owner about messages that fail. */
  get decides(): boolean {
    return decides(this.decisions)
  }

  /** Whether workers send their state as they go on. */
  get savesOften(): boolean {
    return this.contract.state !== undefined && this.recovery.recovers
  }

  private memberOf(child: Child): Member {
    for (const [member, ward] of this.wards) if (ward.child === child) return member
    throw new Error(`${child.id} is nobody's child`)
  }

  /** What is remembered of a member. */
  ward(member: Member): Ward {
    let ward = this.wards.get(member)
    if (ward === undefined) {
      const acked = (lane: number) => member.mailbox.mesh.ackedIn(lane, 0)
      const attempts = new Attempts(this.decisions.retry, this.decisions.deaths ?? defaultDeaths, acked)
      ward = new Ward(this.childOf(member), attempts)
      this.wards.set(member, ward)
    }
    return ward
  }

  private childOf(member: Member): Child {
    return {
      id: member.id,
      progressed: () => ackedOf(member) !== this.ward(member).ackedBefore,
      isWanted: () => member.recovering,
      isAlive: () => member.alive,
      begin: Effect.mapError(member.start, (error) => panicOf(member.id, error)),
      halt: member.halt,
      giveUp: (error) =>
        Effect.suspend(() => {
          member.giveUp()
          return this.hooks.onGiveUp(member, error)
        })
    }
  }

  /**
   * Waits until the state that others would be given has the effect of a request that was answered, where it is saved as
   * they go on. Undone is what the life that answered did not live to save: its successor does not do it in silence.
   */
  saved(member: Member, place: Place | undefined): Effect.Effect<"saved" | "undone" | "lost"> {
    if (!this.savesOften || place === undefined) return Effect.succeed("saved")
    return Effect.suspend(() => {
      const ward = this.ward(member)
      const answered = { place, undone: false }
      const done = () => !answered.undone && ward.fateOf(place).done
      ward.answered.add(answered)
      return Poll.until(() => member.isLost || answered.undone || done()).pipe(
        Effect.map(() => (done() ? "saved" : answered.undone ? "undone" : "lost")),
        Effect.ensuring(Effect.sync(() => ward.answered.delete(answered)))
      )
    })
  }

  private failover(member: Member): Effect.Effect<number> {
    return Effect.tap(this.hooks.failover(member), (groups) =>
      Effect.sync(() => {
        if (groups < 0) return
        // Others have all that it had.
        this.ward(member).saved = undefined
        this.breaking.gone(member)
        const { failback } = this.decisions
        if (failback !== undefined) this.bringBack(member, new Backoff(failback))
      })
    )
  }

  private bringBack(member: Member, backoff: Backoff): void {
    const attempt = (error: WorkerPanicked): Effect.Effect<void> =>
      Effect.flatMap(backoff.next(error), (delay) => {
        if (delay === undefined || this.recovery.over) return Effect.void
        return Effect.andThen(
          Effect.sleep(delay),
          Effect.matchEffect(this.hooks.failback(member), {
            onFailure: (failure) => {
              this.events.add(SupervisionEvent.Failed({ worker: member.id, error: failure }))
              return attempt(failure)
            },
            onSuccess: (groups) =>
              Effect.sync(() => this.events.add(SupervisionEvent.FailedBack({ worker: member.id, groups })))
          })
        )
      })
    const gone = new WorkerPanicked({ worker: member.id, phase: "failover", detail: "others do its work" })
    Fiber.runIn(Effect.runFork(attempt(gone)), this.scope)
  }

  /** Milliseconds until its circuit lets a member begin again; `Infinity` if others do its work until then. */
  private heldBack(member: Member, error: WorkerPanicked): Effect.Effect<number> {
    const { circuits } = this
    const { breaker } = this.decisions
    if (circuits === undefined || breaker === undefined) return Effect.succeed(0)
    const progressed = ackedOf(member) !== this.ward(member).ackedBefore
    const circuit = { worker: member.id, group: undefined }
    return Effect.flatMap(circuits.failed(circuit, progressed ? 1 : 0, error), (millis) => {
      if (millis === 0) return Effect.succeed(0)
      if (breaker.whileOpen === "fail") member.refuse(millis)
      if (breaker.whileOpen !== "failover") return Effect.succeed(millis)
      return Effect.flatMap(this.hooks.failover(member), (groups) => {
        if (groups < 0) return Effect.succeed(millis)
        this.ward(member).saved = undefined
        this.breaking.gone(member)
        this.events.add(SupervisionEvent.FailedOver({ worker: member.id, groups }))
        member.giveUp()
        this.bringBack(member, new Backoff(Schedule.spaced(millis)))
        // Others have what was asked by key; nobody answers for it itself.
        return Effect.as(this.hooks.onGiveUp(member, error), Infinity)
      })
    })
  }

  /** A life has begun: the probe of its circuit, if that was open. */
  started(member: Member): void {
    const { circuits } = this
    const ward = this.ward(member)
    this.recycling?.began(member)
    this.breaking.began(member)
    // Soon older than what is acknowledged, where nobody sends a newer one.
    if (!this.savesOften) ward.saved = undefined
    if (circuits === undefined) return
    const outcome = Effect.callback<void, WorkerPanicked>((resume) => {
      let idleSince = 0
      const end = (effect: Effect.Effect<void, WorkerPanicked>) => {
        clearInterval(timer)
        resume(effect)
      }
      const timer = setInterval(() => {
        const now = performance.now()
        if (!member.running) return end(Effect.fail(ward.lastPanic ?? panicOf(member.id, "it ended")))
        if (ackedOf(member) !== ward.ackedBefore) return end(Effect.void)
        if (member.mailbox.left > 0) idleSince = 0
        else if (idleSince === 0) idleSince = now
        else if (now - idleSince > idleMillis) end(Effect.void)
      }, 2)
      ;(timer as { unref?: () => void }).unref?.()
      return Effect.sync(() => clearInterval(timer))
    })
    Fiber.runIn(Effect.runFork(circuits.probe({ worker: member.id, group: undefined }, outcome)), this.scope)
  }

  /** What a member's next life is told; undefined if there will be no other after it. */
  safeguardOf(member: Member): Safeguard | undefined {
    const ward = this.ward(member)
    const { attempts, lastSaved, panicked, saved } = ward
    const { recycle } = this.decisions
    if (this.decisions.measures.length === 0 && !this.decides && saved === undefined && recycle === undefined) {
      return undefined
    }
    // A life that follows one that was recycled goes on with it, as far as its backoff is concerned.
    if (!member.leaving) ward.ackedBefore = ackedOf(member)
    const { deadline, retry } = this.decisions
    const snapshots = this.decisions.snapshots ?? defaultSnapshots
    return {
      retries: retry !== undefined,
      deadlineMillis: deadline === undefined ? 0 : toMillis(deadline.duration),
      requestMillis: this.requestMillis,
      snapshots: !this.savesOften
        ? undefined
        : {
            // Half of the room at most: a full mailbox waits for a snapshot, which would wait for more.
            every: Math.max(1, Math.min(snapshots.every, member.mailbox.capacity >>> 1)),
            millis: toMillis(snapshots.within)
          },
      saved: lastSaved,
      resume: saved,
      over: attempts.over,
      singly: panicked ? member.mailbox.takenFrom() : undefined,
      measures: recycle?.heap !== undefined,
      found: member.mailbox.sent,
      own: member.mailbox.urgent + 1,
      gate: this.breaking.startOf(member, ward.leaving)
    }
  }

  /** Whether a member that panicked will live again. */
  recovers(member: Member): boolean {
    return this.recovery.recovers && this.hooks.members().includes(member)
  }

  /** Asks whoever has the key now what a member was asked and handed back. */
  reroute(request: number): void {
    this.hooks.reroute(request)
  }

  /** Has a member handle what it handed over and nobody else is to have. */
  handBack(member: Member, handed: Handed): void {
    this.hooks.handBack(member, handed)
  }

  /** Keeps a message that nobody will handle. */
  addLetter(member: Member, message: unknown, attempts: number, error: WorkerPanicked | undefined): undefined {
    const cause =
      error ??
      new WorkerPanicked({ worker: member.id, phase: "run", detail: "the pool closed before anybody could handle it" })
    const key = this.keyOf(message)
    this.letters.add({ message, key, worker: member.id, attempts, cause: Cause.fail(cause) })
    this.events.add(SupervisionEvent.DeadLettered({ worker: member.id, key, attempts }))
  }

  private keyOf(message: unknown): string | number | bigint | undefined {
    try {
      return this.contract.key(message)
    } catch {
      return undefined
    }
  }

  /** A life has ended. The error is the one to tell: that of the watchdog, if it was its doing. */
  ended(member: Member, panic: WorkerPanicked | undefined): Effect.Effect<WorkerPanicked | undefined> {
    return Effect.gen({ self: this }, function* () {
      const ward = this.ward(member)
      const { control } = member
      ward.undo()
      // Taken in any case: it is about this life.
      const overdue = this.watchdog?.take(member)
      const error = panic === undefined ? undefined : (overdue ?? panic)
      ward.panicked = error !== undefined
      const last = lastOf(member)
      const { blamed, since } = control
      control.clear()
      yield* this.breaking.ended(member)
      if (error === undefined) {
        // It handled all that there was: whoever starts it again starts anew. Unless it left to be followed.
        if (!member.recovering) ward.saved = undefined
        return undefined
      }
      ward.lastPanic = error
      ward.attempts.prune()
      if (member.killed || last === undefined) return error
      if (last.settled) {
        ward.attempts.at(last).over = true
        ward.attempts.at(last).reported = true
        return error
      }
      yield* this.breaking.died(member, blamed, since, error)
      yield* ward.attempts.died(last, error)
      return error
    })
  }

  /** A member left to begin anew, and did not begin. */
  notBack(member: Member, cause: unknown): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (!member.recovering) return Effect.void
      const error = panicOf(member.id, cause)
      if (this.recovers(member)) return Effect.sync(() => this.recover(member, error))
      member.giveUp()
      return this.hooks.onGiveUp(member, error)
    })
  }

  /** Does what is to be done about a member that panicked. */
  recover(member: Member, error: WorkerPanicked): void {
    Fiber.runIn(Effect.runFork(this.recovery.recover(this.ward(member).child, error)), this.scope)
  }

  /** Waits for the members that are being replaced, so that they can drain, but not for long. */
  settle(millis: number): Effect.Effect<void> {
    this.recycling?.close()
    const recovering = () => this.hooks.members().filter((member) => member.recovering)
    const changing = () => this.hooks.members().some((member) => member.recovering || member.leaving)
    return Effect.andThen(
      Effect.timeoutOrElse(
        Poll.until(() => !changing()),
        { duration: millis, orElse: () => Effect.void }
      ),
      Effect.suspend(() => {
        this.recovery.over = true
        this.watchdog?.close()
        for (const member of recovering()) member.giveUp()
        return this.breaking.release()
      })
    )
  }
}
