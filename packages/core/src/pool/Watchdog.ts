/**
 * Looks from outside at which message each worker has in hand, and ends a worker that has had the
 * same one for too long.
 *
 * A worker interrupts a handler that is past its deadline itself, and says so: it has `grace` then to
 * end. One that says nothing has its thread blocked: nothing in it can be interrupted.
 *
 * Where a worker's memory is not seen, somebody beside it tells what it has had in hand for a while (`Sighting`). If
 * nobody does, because all of its process stands still, it is ended when nothing gets done.
 *
 * @since 0.1.0
 */
import { toMillis } from "effect/Duration"
import * as Effect from "effect/Effect"
import { WorkerPanicked } from "../errors/Errors.ts"
import type { Deadline } from "../supervision/Supervision.ts"
import type { Sighting } from "../worker/Sighting.ts"
import type { Wire } from "../worker/Wire.ts"
import type { Member } from "./Member.ts"

const lookMillis = 10

/** How long after its deadline a worker may take to say so, in milliseconds. */
const marginMillis = 15

/** The same where nobody tells: through a mirror, which looks at least every 100 ms. */
const silentMarginMillis = 150

/**
 * @category models
 * @since 0.1.0
 */
export interface WatchdogOptions {
  /** For messages that say nothing of their own. */
  readonly deadlineMillis: number
  readonly graceMillis: number
  readonly members: () => ReadonlyArray<Member>
  /** Whether workers have memory of their own: which message is in hand cannot be seen then, only that none is done. */
  readonly mirrored: boolean
  /** Whether a worker has messages that it must wait with. */
  readonly isWaiting: (member: Member) => boolean
  readonly onOverdue: (member: Member, millis: number) => void
}

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
    const { deadlineMillis, graceMillis, members, mirrored } = this.options
    const now = performance.now()
    for (const member of members()) {
      const told = member.sighting
      const words = told ?? member.control
      const { late } = words
      if (!member.running || this.ended.has(member) || !(this.isBusy(member, told) || late > 0)) {
        this.sights.delete(member)
        continue
      }
      // Where the message in hand is not seen, what was done before it stands for it.
      const silent = mirrored && told === undefined
      const lane = silent ? -1 : words.lane
      const number = silent ? member.control.handled : words.number
      let sight = this.sights.get(member)
      if (sight === undefined) this.sights.set(member, (sight = { lane, number, since: now, lateSince: 0 }))
      if (sight.lane !== lane || sight.number !== number) Object.assign(sight, { lane, number, since: now })
      sight.lateSince = late === 0 ? 0 : sight.lateSince === 0 ? now : sight.lateSince
      const held = told?.millis ?? now - sight.since
      const margin = silent ? silentMarginMillis : marginMillis
      const blocked = late === 0 && held > (words.allowed === 0 ? deadlineMillis : words.allowed) + margin
      const deaf = sight.lateSince !== 0 && now - sight.lateSince > graceMillis
      if (blocked || deaf) this.end(member, held)
    }
  }

  private isBusy(member: Member, told: Sighting | undefined): boolean {
    // Its outputs are not taken: whoever takes them is to blame.
    if (member.control.crowded || told?.crowded === true) return false
    if (told !== undefined) return told.busy
    if (!this.options.mirrored) return member.control.busy
    return member.mailbox.left > 0 && member.state === "Running" && !this.options.isWaiting(member)
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
