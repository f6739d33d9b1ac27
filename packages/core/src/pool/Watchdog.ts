/**
 * Looks from outside at which message each worker has in hand, and ends a worker that has had the
 * same one for too long.
 *
 * A worker interrupts a handler that is past its deadline itself, and says so: it has `grace` then to
 * end. One that says nothing has its thread blocked: nothing in it can be interrupted.
 *
 * @since 0.1.0
 */
import { toMillis } from "effect/Duration"
import * as Effect from "effect/Effect"
import { WorkerPanicked } from "../errors/Errors.ts"
import type { Deadline } from "../supervision/Supervision.ts"
import type { Wire } from "../worker/Wire.ts"
import type { Member } from "./Member.ts"

const lookMillis = 10

/** How long after its deadline a worker may take to say so, in milliseconds. */
const marginMillis = 15

/**
 * @category models
 * @since 0.1.0
 */
export interface WatchdogOptions {
  /** For messages that say nothing of their own. */
  readonly deadlineMillis: number
  readonly graceMillis: number
  readonly members: () => ReadonlyArray<Member>
  readonly onOverdue: (member: Member, millis: number) => void
}

interface Sight {
  hand: number
  lane: number
  number: number
  since: number
}

/**
 * @category models
 * @since 0.1.0
 */
export class Watchdog {
  private readonly options: WatchdogOptions
  private readonly sights = new Map<Member, Sight>()
  private readonly ended = new Map<Member, WorkerPanicked>()
  private readonly timer: ReturnType<typeof setInterval>

  constructor(options: WatchdogOptions) {
    this.options = options
    this.timer = setInterval(() => this.look(), lookMillis)
    ;(this.timer as { unref?: () => void }).unref?.()
  }

  private look(): void {
    const { deadlineMillis, graceMillis, members } = this.options
    const now = performance.now()
    for (const member of members()) {
      member.look()
      const { allowed, crowded, hand, lane, late, number } = member.control
      // While its outputs are not taken, whoever takes them is to blame.
      if (!member.running || this.ended.has(member) || !((hand !== 0 && !crowded) || late !== 0)) {
        this.sights.delete(member)
        continue
      }
      let sight = this.sights.get(member)
      if (sight === undefined) this.sights.set(member, (sight = { hand, lane, number, since: now }))
      if (sight.hand !== hand || sight.lane !== lane || sight.number !== number) {
        Object.assign(sight, { hand, lane, number, since: now })
      }
      const held = now - sight.since
      const blocked = late === 0 && held > (allowed === 0 ? deadlineMillis : allowed) + marginMillis
      const deaf = late !== 0 && ((Date.now() - late) | 0) > graceMillis
      if (blocked || deaf) this.end(member, held)
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
    this.options.onOverdue(member, millis)
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

/**
 * Deadlines of requests that have their own, in milliseconds, by their index in the contract; 0 for the others. Empty if
 * none has.
 *
 * @category accessors
 * @since 0.1.0
 */
export const requestMillisOf = (deadline: Deadline | undefined, { requests }: Wire): ReadonlyArray<number> =>
  Object.keys(deadline?.requests ?? {}).length === 0
    ? []
    : requests.map(({ tag }) => {
        const own = deadline?.requests[tag]
        return own === undefined ? 0 : toMillis(own)
      })
