/**
 * How lives, and the pool itself, end: what waits for a worker that is gone is settled, and a pool that
 * closes drains first and has a deadline.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { WorkerPanicked } from "../errors/Errors.ts"
import type { Wire } from "../worker/Wire.ts"
import type { Care } from "./Care.ts"
import type { Delivery } from "./Delivery.ts"
import * as Holding from "./Holding.ts"
import * as Leftovers from "./Leftovers.ts"
import type { Member } from "./Member.ts"
import type { Outputs } from "./Outputs.ts"
import type { Pending } from "./Pending.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface EndingParts {
  readonly pool: string
  readonly all: ReadonlyArray<Member>
  readonly care: Care
  readonly delivery: Delivery
  readonly pending: Pending
  readonly wire: Wire
  /** Undefined if the contract has no output. */
  readonly outputs: Outputs | undefined
  /** Waits until no messages are on their way from one worker to another. */
  readonly arrived: Effect.Effect<void>
  /** How long a worker may take to end, in milliseconds, before it is killed. */
  readonly shutdownMillis: number
  /** The key function of the contract. */
  readonly key: (message: unknown) => unknown
}

/** How long a worker may take to end before it is said who keeps the pool from closing, in milliseconds. */
const patienceMillis = 1000

/**
 * @category models
 * @since 0.1.0
 */
export class Ending {
  private readonly parts: EndingParts
  /** Whether the pool is closing, or closed. */
  closing = false

  constructor(parts: EndingParts) {
    this.parts = parts
  }

  /** Settles what waited for a life that has ended; returns the error to tell. */
  onEnd(member: Member, panic: WorkerPanicked | undefined): Effect.Effect<WorkerPanicked | undefined> {
    return Effect.suspend(() => {
      const { care, pending, pool } = this.parts
      // Replies and snapshots that it sent before its end still count.
      pending.drain()
      return Effect.flatMap(care.ended(member, panic), (error) => {
        const failure = (asker: { readonly request: { readonly tag: string } }) =>
          error ?? member.notRunning(`pool ${pool}: ask ${asker.request.tag}`, [])
        if (member.recovering) pending.failLost(member, failure)
        else {
          pending.fail(member, failure)
          member.settled = pending.last
        }
        if (error === undefined || member.killed) return Effect.succeed(error)
        this.endOutputs(error)
        const log = Effect.logError(`${error.message}; ${member.mailbox.left} messages wait in its mailbox`, error)
        return Effect.as(log, error)
      })
    })
  }

  /** Settles what waited for a worker that will not come back. */
  onGiveUp(member: Member, error: WorkerPanicked): Effect.Effect<void> {
    return Effect.sync(() => {
      const { pending } = this.parts
      pending.fail(member, () => error)
      member.settled = pending.last
    })
  }

  /** Settles what waited for a life that will not begin. */
  onCallOff(member: Member): void {
    const { pending, pool } = this.parts
    pending.fail(member, ({ request }) => member.notRunning(`pool ${pool}: ask ${request.tag}`, []))
    member.settled = pending.last
  }

  /** Ends the pool's work: what was sent stays where it is until the pool closes. */
  onEscalate(error: WorkerPanicked): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { all, delivery, outputs, pending, pool } = this.parts
      delivery.open = false
      delivery.givenUp = error
      for (const member of all) member.finish()
      const end = (member: Member) =>
        Effect.andThen(
          Effect.orElseSucceed(member.kill, () => undefined),
          Effect.sync(() => member.giveUp())
        )
      return Effect.logError(`pool ${pool} has given up, none of its workers is started again: ${error.message}`).pipe(
        Effect.andThen(Effect.forEach(all, end, { concurrency: "unbounded", discard: true })),
        Effect.andThen(
          Effect.sync(() => {
            outputs?.end(error)
            pending.fail(undefined, () => error)
          })
        )
      )
    })
  }

  /** Stops intake, lets the workers finish, and kills those that do not in time. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    const { all, care, delivery, outputs, pending, pool, shutdownMillis, wire } = this.parts
    this.closing = true
    delivery.open = false
    const ends = Effect.suspend(() => {
      for (const member of all) member.finish()
      const joined = Effect.forEach(all, (member) => this.join(member), { concurrency: "unbounded", discard: true })
      return shutdownMillis > patienceMillis ? Effect.raceFirst(joined, this.watch) : joined
    })
    const left = Effect.forEach(
      all,
      (member) =>
        Leftovers.take(member, care, wire, ({ attempt: { count, error }, message }) =>
          care.addLetter(member, message, count, error)
        ),
      { discard: true }
    )
    const arrived = Effect.timeoutOrElse(this.parts.arrived, { duration: shutdownMillis, orElse: () => Effect.void })
    const drained = Effect.andThen(Effect.andThen(care.settle(shutdownMillis), arrived), ends)
    return Effect.andThen(
      Effect.andThen(outputs?.forgetting(drained) ?? drained, Effect.andThen(left, this.closeOutputs)),
      Effect.sync(() => {
        pending.drain()
        pending.fail(undefined, (asker) => asker.member.notRunning(`pool ${pool}: ask ${asker.request.tag}`, []))
        pending.close()
        care.letters.close()
        for (const member of all) member.mailbox.close()
      })
    )
  })

  /** Says, once, which workers are not done after a while, with what, and how long they have; never ends. */
  private readonly watch: Effect.Effect<never> = Clock.clockWith((clock) => {
    const began = clock.currentTimeMillisUnsafe()
    return Effect.sleep(patienceMillis).pipe(
      Effect.andThen(
        Effect.suspend(() => {
          const { all, key, pool, shutdownMillis, wire } = this.parts
          const millis = Math.round(clock.currentTimeMillisUnsafe() - began)
          return Effect.forEach(
            all.filter((member) => member.alive),
            (member) =>
              Effect.logInfo(
                `pool ${pool} is closing, and worker ${member.id} has not ended after ${millis} ms: ` +
                  `${Holding.describe(member, wire, key)}; it is killed in ${Math.max(0, shutdownMillis - millis)} ms ` +
                  "(shutdownTimeout)"
              ),
            { discard: true }
          )
        })
      ),
      Effect.andThen(Effect.never),
      Effect.interruptible
    )
  })

  /** Ends the outputs if nobody emits any more. */
  endOutputs(error: WorkerPanicked | undefined): void {
    const { all, outputs } = this.parts
    if (all.every((member) => !member.alive)) outputs?.end(error)
  }

  private get closeOutputs(): Effect.Effect<void> {
    const { outputs, pool, shutdownMillis } = this.parts
    if (outputs === undefined) return Effect.void
    return Effect.flatMap(outputs.close(shutdownMillis), (count) =>
      count === 0 ? Effect.void : Effect.logWarning(`${count} outputs of pool ${pool} were not taken when it closed`)
    )
  }

  /** Lets a worker finish, and kills it if it does not in time. */
  join(member: Member): Effect.Effect<void> {
    return Effect.flatMap(
      Effect.orElseSucceed(member.stop(this.parts.shutdownMillis), () => false),
      (killed) => (killed ? this.warnOf(member, killed) : this.warnOfLeft(member))
    )
  }

  /** Says that a worker was killed, if it was. */
  warnOf(member: Member, killed: boolean): Effect.Effect<void> {
    return killed
      ? Effect.logWarning(
          `worker ${member.id} did not end within ${this.parts.shutdownMillis} ms and was killed; ` +
            `${member.mailbox.left} messages were left in its mailbox`
        )
      : Effect.void
  }

  /** Nobody starts a worker again once its pool is closed: what it left is lost, and that is said. */
  private warnOfLeft(member: Member): Effect.Effect<void> {
    const { left } = member.mailbox
    return this.closing && left > 0
      ? Effect.logWarning(
          `worker ${member.id} was not running when its pool closed; ${left} messages were left in its mailbox`
        )
      : Effect.void
  }
}
