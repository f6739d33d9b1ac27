/**
 * Key groups that are with another worker while their circuit is open.
 *
 * ```
 *  nothing new is sent ──▶ the worker hands over what it has of the group ──▶ its state goes along
 *                                                                                     │
 *  sending goes on ◀── the other has seen them ◀── the messages are put into the other's mailbox
 * ```
 *
 * As for every change, other groups are not disturbed; those that a circuit keeps stay where they are.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Poll from "../channel/Poll.ts"
import type { WorkerNotRunning } from "../errors/Errors.ts"
import { Order } from "../worker/Safeguard.ts"
import type { Wire } from "../worker/Wire.ts"
import type { Care } from "./Care.ts"
import type { Handover } from "./Handover.ts"
import type { Member } from "./Member.ts"
import type { Change, Placement } from "./Placement.ts"
import type { Requests } from "./Requests.ts"
import type { Rescaling } from "./Rescaling.ts"
import type { Ward } from "./Ward.ts"

/** How long what is kept beside a mailbox may take to find room in it, in milliseconds. */
const patienceMillis = 200

/**
 * @category models
 * @since 0.1.0
 */
export class Detours {
  private readonly placement: Placement
  private readonly requests: Requests
  private readonly rescaling: Rescaling
  private readonly care: Care
  private readonly wire: Wire
  private readonly handover: Handover
  /** Those under way. */
  private moving = 0

  constructor(
    placement: Placement,
    requests: Requests,
    rescaling: Rescaling,
    care: Care,
    wire: Wire,
    handover: Handover
  ) {
    this.placement = placement
    this.requests = requests
    this.rescaling = rescaling
    this.care = care
    this.wire = wire
    this.handover = handover
  }

  /** Waits until no group is on its way. */
  readonly settled: Effect.Effect<void> = Poll.until(() => this.moving === 0)

  /** Gives a key group that a worker has to another, among those that `mayHave` holds for: that one, or undefined. */
  away(
    member: Member,
    group: number,
    mayHave: (other: Member) => Effect.Effect<boolean>
  ): Effect.Effect<Member | undefined> {
    const { placement } = this
    return this.alone(
      member,
      Effect.gen({ self: this }, function* () {
        if (placement.placeOf(group) !== member || !isReady(member)) return undefined
        const others = placement.members.filter((other) => other !== member && other.running && isReady(other))
        const to = placement.otherFor(group, yield* Effect.filter(others, mayHave))
        if (to === undefined) return undefined
        const plan = placement.planDetour(group, to)
        if (Result.isFailure(plan)) return undefined
        return (yield* this.move(group, member, to, plan.success)) ? to : undefined
      })
    )
  }

  /** Gives a key group back to the worker whose it is; `onLeft` is done about whom it leaves. */
  home(member: Member, group: number, onLeft: (other: Member) => Effect.Effect<void>): Effect.Effect<boolean> {
    const { placement } = this
    return this.alone(
      member,
      Effect.gen({ self: this }, function* () {
        const at = placement.placeOf(group)
        if (at === undefined || at === member || placement.homeOf(group) !== member) return false
        if (!isReady(at) || !isReady(member)) return false
        const plan = placement.planDetour(group, undefined)
        if (Result.isFailure(plan)) return false
        // What comes is kept until it is to be tried.
        yield* member.order(Order.Shut, group)
        const moved = yield* this.move(group, at, member, plan.success)
        if (moved) yield* onLeft(at)
        return moved
      })
    )
  }

  private alone<A>(member: Member, effect: Effect.Effect<A>): Effect.Effect<A> {
    return this.rescaling.first(
      member,
      Effect.suspend(() => {
        this.moving += 1
        return Effect.ensuring(
          effect,
          Effect.sync(() => {
            this.moving -= 1
          })
        )
      })
    )
  }

  /** True if it moved; else all is as it was. */
  private move(group: number, from: Member, to: Member, change: Change): Effect.Effect<boolean> {
    const { care, rescaling, wire } = this
    const ward = care.ward(from)
    const transfer = Effect.gen({ self: this }, function* () {
      yield* this.emptied(from)
      ward.leaving = group
      yield* from.order(Order.Leave, group)
      yield* this.requests.sighted(from, group)
      if (wire.internal !== undefined) yield* rescaling.transfer([{ from: from.id, to: to.id, groups: [group] }])
      else if (!isReady(to)) return yield* this.gone(to)
      yield* this.hand(ward, to)
      yield* from.order(Order.Stay, group)
    })
    const back = Effect.suspend(() => {
      // Whoever takes its place has what it handed over, too.
      if (from.forsaken) return Effect.void
      return Effect.andThen(care.breaking.remind(from, group), this.hand(ward, from))
    })
    const moved = rescaling.holding(
      new Set([group]),
      Effect.void,
      // While nobody may send: what comes next must not overtake it.
      Effect.tapError(transfer, () => back),
      change
    )
    return Effect.match(moved, { onFailure: () => false, onSuccess: () => true })
  }

  /** Has a worker handle what was handed over, before all that is sent next. */
  private hand(ward: Ward, to: Member): Effect.Effect<void> {
    return Effect.suspend(() => {
      const handed = ward.takeHanded()
      for (const one of handed) this.handover.put(to, one)
      // What others send next may take another lane.
      return handed.length > 0 ? this.requests.arrived([to]) : Effect.void
    })
  }

  /** Waits until nothing is kept beside a worker's mailbox. */
  private emptied(member: Member): Effect.Effect<void, WorkerNotRunning> {
    return Effect.timeoutOrElse(
      Poll.until(() => !member.mailbox.keeps || member.isLost),
      { duration: patienceMillis, orElse: () => this.gone(member) }
    )
  }

  private gone(member: Member): Effect.Effect<never, WorkerNotRunning> {
    return Effect.suspend(() => Effect.fail(member.notRunning("hand over a key group", [])))
  }
}

/** Whether a worker takes part in a change soon: one that is paused would make everybody wait. */
const isReady = ({ accepts, forsaken, state }: Member): boolean => accepts && !forsaken && state !== "Paused"
