/**
 * What workers tell their owner without being asked: messages that failed, that are given up or handed over, their
 * state, and a key group on trial that did well.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { FrameReader } from "../channel/FrameReader.ts"
import { WorkerPanicked } from "../errors/Errors.ts"
import type { EventLog } from "../supervision/EventLog.ts"
import { SupervisionEvent } from "../supervision/SupervisionEvent.ts"
import { Envelope, ReplyStatus } from "../worker/Envelope.ts"
import * as Wire from "../worker/Wire.ts"
import type { Breaking } from "./Breaking.ts"
import type { Member } from "./Member.ts"
import type { Handed, Ward } from "./Ward.ts"

/**
 * What is done about reports.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reported {
  readonly events: EventLog
  readonly breaking: Breaking
  readonly ward: (member: Member) => Ward
  /** Asks whoever has the key now what a worker was asked and handed back. */
  readonly reroute: (request: number) => void
  /** Has a worker handle what it handed over and nobody else is to have. */
  readonly handBack: (member: Member, handed: Handed) => void
  /** Keeps a message that nobody will handle. */
  readonly addLetter: (member: Member, message: unknown, attempts: number, error: WorkerPanicked | undefined) => void
}

/**
 * @category models
 * @since 0.1.0
 */
export class Reports {
  private readonly scope: Scope.Scope
  private readonly to: Reported
  private readonly failures = new Envelope(Wire.failed())
  private readonly snapshots = new Envelope(Wire.saved())
  private readonly recoveries: Envelope<unknown>
  private readonly dead: Envelope<Wire.Dead>
  private readonly handed: Envelope<Wire.Handed>

  constructor(wire: Wire.Wire, scope: Scope.Scope, to: Reported) {
    this.scope = scope
    this.to = to
    this.recoveries = new Envelope(wire.verdict.payload)
    this.dead = new Envelope(wire.dead())
    this.handed = new Envelope(wire.handed())
  }

  /** Takes a report of a member. */
  take(member: Member, status: number, reader: FrameReader): void {
    const ward = this.to.ward(member)
    switch (status) {
      case ReplyStatus.Saved:
        ward.saved = reader.read(this.snapshots)
        ward.lastSaved = this.snapshots.head.id
        return member.keep(ward.lastSaved)
      case ReplyStatus.Failed: {
        const failure = reader.read(this.failures)
        return this.decide(member, ward, this.failures.head.id, failure)
      }
      case ReplyStatus.Recovered:
        reader.read(this.recoveries)
        return this.to.breaking.recovered(member, this.recoveries.head.id)
      case ReplyStatus.Dead:
        return this.bury(member, ward, reader.read(this.dead))
      case ReplyStatus.Handed:
        return this.takeOver(member, ward, reader.read(this.handed))
    }
  }

  private decide(member: Member, { attempts }: Ward, ticket: number, failure: typeof Wire.Failed.Type): void {
    const { breaking, events } = this.to
    const { error, group, groupSince, key, since } = failure
    const verdict = Effect.gen(function* () {
      const held = yield* breaking.failed(member, group, since, groupSince, error)
      const delay = yield* attempts.failed(failure, error)
      if (delay === undefined) return yield* member.verdict(ticket, false)
      const { count } = attempts.at(failure)
      const delayMillis = Math.max(delay, held)
      events.add(SupervisionEvent.Retrying({ worker: member.id, key, attempts: count, delayMillis, error }))
      yield* Effect.sleep(delay)
      // Not for longer than the circuit is kept up.
      if (held > delay) yield* Effect.raceFirst(Effect.sleep(held - delay), Deferred.await(breaking.released))
      yield* member.verdict(ticket, true)
    })
    // A schedule, or a predicate, that throws decides nothing: nobody tries again.
    const decided = Effect.catchCause(verdict, (cause) => {
      if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
      const because = new WorkerPanicked({
        worker: member.id,
        phase: "retry",
        detail: `its retry schedule threw ${String(Cause.squash(cause))}, after ${error.message}`,
        cause: Cause.squash(cause)
      })
      const attempt = attempts.at(failure)
      attempt.over = true
      attempt.error = because
      return Effect.andThen(Effect.logError(because.message, because), member.verdict(ticket, false))
    })
    Fiber.runIn(Effect.runFork(decided), this.scope)
  }

  // A worker that died before it acknowledged what it told says so again in its next life: `reported` is for that.

  private bury(member: Member, { attempts }: Ward, { error, lane, message, number, tries }: Wire.Dead): void {
    const attempt = attempts.at({ lane, number })
    if (attempt.reported) return
    attempt.over = true
    attempt.reported = true
    if (tries !== undefined) attempt.count = Math.max(attempt.count, tries)
    else if (error !== undefined) attempt.count += 1
    this.to.addLetter(member, message, attempt.count, attempt.error ?? error)
  }

  private takeOver(
    member: Member,
    ward: Ward,
    { allowed = 0, context, message, request, ...place }: Wire.Handed
  ): void {
    const attempt = ward.attempts.at(place)
    if (attempt.reported) return
    const soFar = { ...attempt }
    attempt.over = true
    attempt.reported = true
    if (request !== undefined) return this.to.reroute(request)
    const handed = { message, priority: member.priorityIn(place.lane), allowed, context, attempt: soFar }
    // Sent to this worker, whatever its key, before it knew that the rest has gone.
    if (ward.leaving.size === 0) this.to.handBack(member, handed)
    else ward.handed.push(handed)
  }
}
