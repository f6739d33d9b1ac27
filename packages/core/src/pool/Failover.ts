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
import type { Wire } from "../worker/Wire.ts"
import type { Care } from "./Care.ts"
import type { Handover } from "./Handover.ts"
import * as Leftovers from "./Leftovers.ts"
import type { Member } from "./Member.ts"
import type { Change, Placement } from "./Placement.ts"
import type { Requests } from "./Requests.ts"
import type { Rescaling } from "./Rescaling.ts"
import type { Handed } from "./Ward.ts"

/** How long to wait for others that are being replaced, in milliseconds. */
const patienceMillis = 2000

/**
 * @category models
 * @since 0.1.0
 */
export class Failover {
  private readonly all: ReadonlyArray<Member>
  private readonly placement: Placement
  private readonly requests: Requests
  private readonly rescaling: Rescaling
  private readonly care: Care
  private readonly wire: Wire
  private readonly groups: number
  private readonly handover: Handover

  constructor(
    all: ReadonlyArray<Member>,
    placement: Placement,
    requests: Requests,
    rescaling: Rescaling,
    care: Care,
    wire: Wire,
    groups: number,
    handover: Handover
  ) {
    this.all = all
    this.placement = placement
    this.requests = requests
    this.rescaling = rescaling
    this.care = care
    this.wire = wire
    this.groups = groups
    this.handover = handover
  }

  /** Gives a dead member's work to the living: how many key groups moved, or -1 if that cannot be. */
  away(member: Member): Effect.Effect<number> {
    const living = () => this.placement.members.filter((other) => other !== member && other.running && !other.forsaken)
    const hopeful = () => this.placement.members.some((other) => other.recovering && !other.forsaken)
    const settled = Effect.timeoutOrElse(
      Poll.until(() => living().length > 0 || !hopeful()),
      { duration: patienceMillis, orElse: () => Effect.void }
    )
    return Effect.suspend(() => {
      // Nothing may wait for it from now on: a change that is under way would be waited for here.
      member.forsaken = true
      const moved = this.rescaling.alone(Effect.suspend(() => this.move(member, living())))
      return Effect.ensuring(
        Effect.andThen(settled, moved),
        Effect.sync(() => {
          member.forsaken = false
        })
      )
    })
  }

  private move(member: Member, living: ReadonlyArray<Member>, tries = this.all.length): Effect.Effect<number> {
    if (living.length === 0 || tries === 0 || !this.rescaling.movesState) return Effect.succeed(-1)
    const plan = this.placement.planWithout(member, living)
    if (Result.isFailure(plan)) return Effect.succeed(-1)
    const change = plan.success
    const groups = new Set(change.moves.map(({ group }) => group))
    const { breaking } = this.care
    const transfer = Effect.gen({ self: this }, function* () {
      yield* breaking.arriving(change.moves)
      yield* this.bringState(member, change)
      yield* this.bringMessages(member, change)
      yield* breaking.left(change.moves)
    })
    return Effect.matchEffect(this.rescaling.holding(groups, Effect.void, transfer, change), {
      // Only the state can fail to arrive, where one that it was brought to died: then the others have it all.
      onFailure: () => {
        const still = living.filter((other) => other.running && !other.forsaken)
        return this.move(member, still, tries - 1)
      },
      onSuccess: () => {
        this.requests.reroute(member)
        return Effect.succeed(groups.size)
      }
    })
  }

  /** Begins a member's life anew and gives it its key groups back: how many. */
  back(member: Member): Effect.Effect<number, WorkerPanicked> {
    return Effect.mapError(this.rescaling.admit(member), (error) =>
      error instanceof WorkerPanicked
        ? error
        : new WorkerPanicked({ worker: member.id, phase: "start", detail: error.message, cause: error })
    )
  }

  /** Each that gets a part of the state gets all of it, and forgets what goes to others. */
  private bringState(member: Member, change: Change): Effect.Effect<void, unknown> {
    const { internal } = this.wire
    const saved = this.care.ward(member).saved
    if (internal === undefined || saved === undefined) return Effect.void
    const state = Codec.decode(internal.restore.payload, saved.state)
    const targets = new Set(change.moves.map(({ to }) => to))
    return Effect.forEach(
      targets,
      (id) => {
        const target = this.all.find((other) => other.id === id)!
        const others = change.moves.filter(({ to }) => to !== id).map(({ group }) => group)
        return Effect.andThen(
          this.rescaling.ask(target, internal.restore, state),
          this.rescaling.ask(target, internal.extract, Moving.groupsOf(others, this.groups, true))
        )
      },
      { discard: true }
    )
  }

  private bringMessages(member: Member, change: Change): Effect.Effect<void> {
    const left: Array<Handed> = []
    return Effect.map(
      Leftovers.take(member, this.care, this.wire, (handed) => void left.push(handed)),
      () => this.handover.bring(member, change, left)
    )
  }
}
