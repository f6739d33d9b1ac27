/**
 * What a worker that is not there any more had to do, done by the others: its key groups go to them
 * by the partitioner, its last snapshot and the messages in its mailbox go along. And back again.
 *
 * As for a change of size, nothing is sent to those key groups meanwhile, and others are not disturbed.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { WorkerPanicked } from "../errors/Errors.ts"
import * as Poll from "../channel/Poll.ts"
import * as Codec from "../codec/Codec.ts"
import * as Moving from "../worker/Moving.ts"
import { now } from "../worker/Envelope.ts"
import type { Wire } from "../worker/Wire.ts"
import type { AnyContract } from "../worker/Worker.ts"
import type { Care } from "./Care.ts"
import * as Leftovers from "./Leftovers.ts"
import { type Member, plain } from "./Member.ts"
import type { Change, Placement } from "./Placement.ts"
import type { Requests } from "./Requests.ts"
import type { Rescaling } from "./Rescaling.ts"

/** How long to wait for others that are being replaced, in milliseconds. */
const patienceMillis = 2000

/**
 * @category models
 * @since 0.1.0
 */
export class Failover {
  private readonly contract: AnyContract
  private readonly all: ReadonlyArray<Member>
  private readonly placement: Placement
  private readonly requests: Requests
  private readonly rescaling: Rescaling
  private readonly care: Care
  private readonly wire: Wire
  private readonly groups: number

  constructor(
    contract: AnyContract,
    all: ReadonlyArray<Member>,
    placement: Placement,
    requests: Requests,
    rescaling: Rescaling,
    care: Care,
    wire: Wire,
    groups: number
  ) {
    this.contract = contract
    this.all = all
    this.placement = placement
    this.requests = requests
    this.rescaling = rescaling
    this.care = care
    this.wire = wire
    this.groups = groups
  }

  /** Gives a dead member's work to the living: how many key groups moved, or -1 if that cannot be. */
  away(member: Member): Effect.Effect<number> {
    const moved = Effect.suspend((): Effect.Effect<number, unknown> => {
      const living = this.placement.members.filter((other) => other !== member && other.running)
      if (living.length === 0) return Effect.succeed(-1)
      const plan = this.placement.plan(living)
      if (Result.isFailure(plan)) return Effect.succeed(-1)
      const change = plan.success
      // Another member is not there either, and its keys would have to move, too.
      const own = change.moves.filter(({ from }) => from === member.id)
      if (own.length < change.moves.length) return Effect.succeed(-1)
      const groups = new Set(own.map(({ group }) => group))
      const transfer = Effect.andThen(this.bringState(member, change), this.bringMessages(member, change))
      return Effect.map(this.rescaling.holding(groups, Effect.void, transfer, change), () => {
        this.requests.reroute(member)
        return groups.size
      })
    })
    const others = () => this.placement.members.some((other) => other !== member && other.recovering)
    const settled = Effect.timeoutOrElse(
      Poll.until(() => !others()),
      {
        duration: patienceMillis,
        orElse: () => Effect.void
      }
    )
    return Effect.orElseSucceed(Effect.andThen(settled, this.rescaling.alone(moved)), () => -1)
  }

  /** Begins a member's life anew and gives it its key groups back: how many. */
  back(member: Member): Effect.Effect<number, WorkerPanicked> {
    return Effect.suspend(() => {
      const members = this.all.filter((other) => other === member || this.placement.members.includes(other))
      const before = Result.map(this.placement.plan(members), ({ moves }) => moves.length)
      return Effect.mapError(
        Effect.as(
          this.rescaling.alone(this.rescaling.change(members)),
          Result.getOrElse(before, () => 0)
        ),
        (error) =>
          error instanceof WorkerPanicked
            ? error
            : new WorkerPanicked({ worker: member.id, phase: "start", detail: error.message, cause: error })
      )
    })
  }

  /** Each that gets a part of the state gets all of it, and forgets what goes to others. */
  private bringState(member: Member, change: Change): Effect.Effect<void, unknown> {
    const { internal } = this.wire
    const saved = this.care.savedOf(member)
    if (internal === undefined || saved === undefined) return Effect.void
    const state = Codec.decode(internal.restore.payload, saved.state)
    const targets = new Set(change.moves.map(({ to }) => to))
    return Effect.forEach(
      targets,
      (id) => {
        const target = this.all.find((other) => other.id === id)!
        const others = change.moves.filter(({ to }) => to !== id).map(({ group }) => group)
        return Effect.andThen(
          this.requests.internal(target, internal.restore, state),
          this.requests.internal(target, internal.extract, Moving.groupsOf(others, this.groups, true))
        )
      },
      { discard: true }
    )
  }

  private bringMessages(member: Member, { assignment, members }: Change): Effect.Effect<void> {
    const put = (target: Member, message: unknown, allowed: number): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (target.write(message, now(), { ...plain, allowed })) {
          target.mailbox.publish()
          return Effect.void
        }
        // Given up on, too: it is a dead letter when the pool closes.
        if (!target.alive) return Effect.sync(() => this.care.addLetter(target, message, 0, undefined))
        return Effect.andThen(target.room(0), put(target, message, allowed))
      })
    return Leftovers.take(member, this.care, this.wire, (message, { attempts, error }, allowed) => {
      if (message === undefined) return this.care.addLetter(member, message, attempts, error)
      return put(members[assignment.workerOf(this.contract.key(message))], message, allowed)
    })
  }
}
