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
import type * as Scope from "effect/Scope"
import type { FrameReader } from "../channel/FrameReader.ts"
import * as Poll from "../channel/Poll.ts"
import { WorkerPanicked } from "../errors/Errors.ts"
import { Attempts, type Place } from "../supervision/Attempts.ts"
import type { DeadLetters } from "../supervision/DeadLetter.ts"
import type { EventLog } from "../supervision/EventLog.ts"
import { type Child, Recovery } from "../supervision/Recovery.ts"
import { SupervisionEvent } from "../supervision/SupervisionEvent.ts"
import type { Decisions } from "../supervision/Supervision.ts"
import { Envelope, ReplyStatus } from "../worker/Envelope.ts"
import type { Safeguard, Saved } from "../worker/Safeguard.ts"
import * as Wire from "../worker/Wire.ts"
import type { AnyContract } from "../worker/Worker.ts"
import type { Member } from "./Member.ts"
import { Watchdog } from "./Watchdog.ts"

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
  readonly heldBack: (member: Member, error: WorkerPanicked) => Effect.Effect<number>
  /** Settles all that waits for a member that will not come back. */
  readonly onGiveUp: (member: Member, error: WorkerPanicked) => Effect.Effect<void>
  readonly onEscalate: (error: WorkerPanicked) => Effect.Effect<void>
}

interface Ward {
  readonly child: Child
  readonly attempts: Attempts
  saved: Saved | undefined
  lastSaved: number
  /** Whether its last life ended in a panic. */
  panicked: boolean
  lastPanic: WorkerPanicked | undefined
}

const panicOf = (worker: string, error: unknown): WorkerPanicked =>
  error instanceof WorkerPanicked
    ? error
    : new WorkerPanicked({
        worker,
        phase: "start",
        detail: error instanceof Error ? error.message : String(error),
        cause: error
      })

/**
 * @category models
 * @since 0.1.0
 */
export class Care {
  readonly decisions: Decisions
  readonly events: EventLog
  readonly letters: DeadLetters
  readonly recovery: Recovery
  private readonly contract: AnyContract
  private readonly scope: Scope.Scope
  private readonly hooks: CareHooks
  private readonly wards = new Map<Member, Ward>()
  private readonly failures = new Envelope(Wire.failed)
  private readonly snapshots = new Envelope(Wire.saved)
  private readonly dead: Envelope<Wire.Dead>
  private readonly watchdog: Watchdog | undefined

  constructor(
    decisions: Decisions,
    contract: AnyContract,
    events: EventLog,
    letters: DeadLetters,
    scope: Scope.Scope,
    hooks: CareHooks
  ) {
    this.decisions = decisions
    this.contract = contract
    this.events = events
    this.letters = letters
    this.scope = scope
    this.hooks = hooks
    this.dead = new Envelope(Wire.compile(contract).dead)
    this.recovery = new Recovery({
      decisions,
      events,
      children: () => hooks.members().map((member) => this.ward(member).child),
      failover: (child) => hooks.failover(this.memberOf(child)),
      heldBack: (child, error) => hooks.heldBack(this.memberOf(child), error),
      onEscalate: hooks.onEscalate
    })
    const { deadline } = decisions
    if (deadline !== undefined) {
      this.watchdog = new Watchdog(toMillis(deadline.duration), toMillis(deadline.grace), hooks.members, (member, millis) =>
        events.add(SupervisionEvent.Overdue({ worker: member.id, millis }))
      )
    }
  }

  /** Whether a worker asks its owner about messages that fail. */
  get decides(): boolean {
    return this.decisions.retry !== undefined || this.decisions.deadline !== undefined
  }

  private memberOf(child: Child): Member {
    return this.hooks.members().find((member) => this.ward(member).child === child)!
  }

  private ward(member: Member): Ward {
    let ward = this.wards.get(member)
    if (ward === undefined) {
      ward = {
        child: this.childOf(member),
        attempts: new Attempts(this.decisions.retry, this.decisions.deaths ?? defaultDeaths),
        saved: undefined,
        lastSaved: 0,
        panicked: false,
        lastPanic: undefined
      }
      this.wards.set(member, ward)
    }
    return ward
  }

  private childOf(member: Member): Child {
    return {
      id: member.id,
      isWanted: () => member.recovering,
      begin: Effect.mapError(member.start, (error) => panicOf(member.id, error)),
      halt: member.halt,
      giveUp: (error) =>
        Effect.suspend(() => {
          member.giveUp()
          return this.hooks.onGiveUp(member, error)
        })
    }
  }

  /** What a member's next life is told; undefined if there will be no other after it. */
  safeguardOf(member: Member): Safeguard | undefined {
    if (this.decisions.measures.length === 0 && !this.decides) return undefined
    const { attempts, lastSaved, panicked, saved } = this.ward(member)
    const { deadline, retry } = this.decisions
    const snapshots = this.decisions.snapshots ?? defaultSnapshots
    return {
      retries: retry !== undefined,
      deadlineMillis: deadline === undefined ? 0 : toMillis(deadline.duration),
      snapshots:
        this.contract.state === undefined || !this.recovery.recovers
          ? undefined
          : {
              // Half of the room at most: a full mailbox waits for a snapshot, which would wait for more.
              every: Math.max(1, Math.min(snapshots.every, member.mailbox.capacity >>> 1)),
              millis: toMillis(snapshots.within)
            },
      saved: lastSaved,
      resume: saved,
      over: attempts.over,
      singly: panicked
    }
  }

  /** Whether a member that panicked will live again. */
  recovers(member: Member): boolean {
    return this.recovery.recovers && this.hooks.members().includes(member)
  }

  /** Takes what a worker reports without being asked. */
  report(member: Member, status: number, reader: FrameReader): void {
    const ward = this.ward(member)
    switch (status) {
      case ReplyStatus.Saved:
        ward.saved = reader.read(this.snapshots)
        ward.lastSaved = this.snapshots.head.id
        return member.keep(ward.lastSaved)
      case ReplyStatus.Failed: {
        const { error, lane, number } = reader.read(this.failures)
        return this.decide(member, ward, this.failures.head.id, { lane, number }, error)
      }
      case ReplyStatus.Dead:
        return this.bury(member, reader.read(this.dead))
    }
  }

  private decide(member: Member, ward: Ward, ticket: number, place: Place, error: WorkerPanicked): void {
    const { attempts } = ward
    const verdict = Effect.flatMap(attempts.failed(place, error), (delayMillis) => {
      if (delayMillis === undefined) return member.verdict(ticket, false)
      const { count } = attempts.at(place)
      this.events.add(SupervisionEvent.Retrying({ worker: member.id, attempts: count, delayMillis, error }))
      return Effect.andThen(Effect.sleep(delayMillis), member.verdict(ticket, true))
    })
    Fiber.runIn(Effect.runFork(verdict), this.scope)
  }

  private bury(member: Member, { error, lane, message, number }: Wire.Dead): void {
    const { attempts } = this.ward(member)
    const attempt = attempts.at({ lane, number })
    // A worker that died after it said so says so again in its next life.
    if (attempt.reported) return
    attempt.over = true
    attempt.reported = true
    if (error !== undefined) attempt.count += 1
    this.addLetter(member, message, attempt.count, attempt.error ?? error)
  }

  /** Keeps a message that nobody will handle. */
  addLetter(member: Member, message: unknown, attempts: number, error: WorkerPanicked | undefined): void {
    const cause =
      error ??
      new WorkerPanicked({ worker: member.id, phase: "run", detail: "the pool closed before anybody could handle it" })
    this.letters.add({ message, key: this.keyOf(message), worker: member.id, attempts, cause: Cause.fail(cause) })
    this.events.add(SupervisionEvent.DeadLettered({ worker: member.id, attempts }))
  }

  private keyOf(message: unknown): string | number | bigint | undefined {
    try {
      return this.contract.key(message)
    } catch {
      return undefined
    }
  }

  /** The attempts so far, the last error, and whether a frame is done according to the last snapshot or was given up. */
  fateOf(member: Member, { lane, number }: Place) {
    const { attempts, lastPanic, saved } = this.ward(member)
    const known = attempts.at({ lane, number })
    const before = saved?.counts[lane]
    let done = known.reported || (before !== undefined && ((before - number) | 0) > 0)
    for (let i = 0; saved !== undefined && i < saved.done.length; i += 2) {
      done ||= saved.done[i] === lane && saved.done[i + 1] === number
    }
    return { done, attempts: known.count, error: known.error ?? lastPanic }
  }

  /** A life has ended. The error is the one to tell: that of the watchdog, if it was its doing. */
  ended(member: Member, panic: WorkerPanicked | undefined): Effect.Effect<WorkerPanicked | undefined> {
    return Effect.suspend(() => {
      const ward = this.ward(member)
      const { control, mailbox } = member
      const error = panic === undefined ? undefined : (this.watchdog?.take(member) ?? panic)
      ward.panicked = error !== undefined
      if (error === undefined) {
        // It handled all that there was: whoever starts it again starts anew.
        ward.saved = undefined
        control.clear()
        return Effect.succeed(undefined)
      }
      ward.lastPanic = error
      const acked = (lane: number) => mailbox.mesh.ackedIn(lane, 0)
      const place = { lane: control.lane, number: control.number }
      const inHand = control.busy && ((acked(place.lane) - place.number) | 0) <= 0
      const { settled } = control
      control.clear()
      ward.attempts.prune(acked)
      if (!inHand || member.killed) return Effect.succeed(error)
      if (settled) {
        ward.attempts.at(place).over = true
        ward.attempts.at(place).reported = true
        return Effect.succeed(error)
      }
      return Effect.as(ward.attempts.died(place, error), error)
    })
  }

  /** Does what is to be done about a member that panicked. */
  recover(member: Member, error: WorkerPanicked): void {
    Fiber.runIn(Effect.runFork(this.recovery.recover(this.ward(member).child, error)), this.scope)
  }

  /** Waits for the members that are being replaced, so that they can drain, but not for long. */
  settle(millis: number): Effect.Effect<void> {
    const recovering = () => this.hooks.members().filter((member) => member.recovering)
    return Effect.andThen(
      Effect.timeoutOrElse(
        Poll.until(() => recovering().length === 0),
        { duration: millis, orElse: () => Effect.void }
      ),
      Effect.sync(() => {
        this.recovery.over = true
        this.watchdog?.close()
        for (const member of recovering()) member.giveUp()
      })
    )
  }
}
