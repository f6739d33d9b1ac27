/**
 * Looks from outside at which message each worker has in hand, and ends a worker that has had the
 * same one for too long.
 *
 * A worker interrupts a handler that is past its deadline itself, and says so: it has `grace` then to
 * end. One that says nothing has its thread blocked: nothing in it can be interrupted.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { WorkerPanicked } from "../errors/Errors.ts"
import type { Member } from "./Member.ts"

const lookMillis = 10

/** How long after its deadline a worker may take to say so, in milliseconds. */
const marginMillis = 15

interface Sight {
  lane: number
  number: number
  since: number
  lateSince: number
}

/**
 * @category models
 * @since 0.1.0
 */
export class Watchdog {
  private readonly deadlineMillis: number
  private readonly graceMillis: number
  private readonly members: () => ReadonlyArray<Member>
  private readonly onOverdue: (member: Member, millis: number) => void
  private readonly sights = new Map<Member, Sight>()
  private readonly ended = new Map<Member, WorkerPanicked>()
  private readonly timer: ReturnType<typeof setInterval>

  constructor(
    deadlineMillis: number,
    graceMillis: number,
    members: () => ReadonlyArray<Member>,
    onOverdue: (member: Member, millis: number) => void
  ) {
    this.deadlineMillis = deadlineMillis
    this.graceMillis = graceMillis
    this.members = members
    this.onOverdue = onOverdue
    this.timer = setInterval(() => this.look(), lookMillis)
    ;(this.timer as { unref?: () => void }).unref?.()
  }

  private look(): void {
    const now = performance.now()
    for (const member of this.members()) {
      const { control } = member
      if (!member.running || this.ended.has(member)) {
        this.sights.delete(member)
        continue
      }
      const { late } = control
      if (!control.busy && late === 0) {
        this.sights.delete(member)
        continue
      }
      const { lane, number } = control
      const sight = this.sights.get(member)
      if (sight === undefined) {
        this.sights.set(member, { lane, number, since: now, lateSince: late > 0 ? now : 0 })
        continue
      }
      if (sight.lane !== lane || sight.number !== number) Object.assign(sight, { lane, number, since: now })
      sight.lateSince = late === 0 ? 0 : sight.lateSince === 0 ? now : sight.lateSince
      const blocked = late === 0 && now - sight.since > this.deadlineMillis + marginMillis
      const deaf = sight.lateSince !== 0 && now - sight.lateSince > this.graceMillis
      if (blocked || deaf) this.end(member, now - sight.since)
    }
  }

  private end(member: Member, millis: number): void {
    this.ended.set(
      member,
      new WorkerPanicked({
        worker: member.id,
        phase: "deadline",
        detail: `its handler did not return for ${Math.round(millis)} ms, and was ended`
      })
    )
    this.onOverdue(member, millis)
    Effect.runFork(member.abort)
  }

  /** Why a member that ended was ended, if it was from here. */
  take(member: Member): WorkerPanicked | undefined {
    const error = this.ended.get(member)
    this.ended.delete(member)
    this.sights.delete(member)
    return error
  }

  close(): void {
    clearInterval(this.timer)
  }
}
