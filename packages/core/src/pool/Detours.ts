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

/** How long what is kept beside a mailbox may take to find room in it, in milliseconds. */
const patienceMillis = 2000

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
      Effect.gen({ self: this }, function* () {
        if (placement.placeOf(group) !== member) return undefined
        const others = placement.members.filter((other) => other !== member && other.running && other.accepts)
        const to = placement.otherFor(group, yield* Effect.filter(others, mayHave))
        if (to === undefined) return undefined
        const plan = placement.planDetour(group, to)
        if (Result.isFailure(plan)) return undefined
        return (yield* this.move(group, member, to, plan.success, Order.Shut)) ? to : undefined
      })
    )
  }

  /** Gives a key group back to the worker whose it is; `onLeft` is done about whom it leaves. */
  home(member: Member, group: number, onLeft: (other: Member) => Effect.Effect<void>): Effect.Effect<boolean> {
    const { placement } = this
    return this.alone(
      Effect.gen({ self: this }, function* () {
        const at = placement.placeOf(group)
        if (at === undefined || at === member || placement.homeOf(group) !== member) return false
        const plan = placement.planDetour(group, undefined)
        if (Result.isFailure(plan)) return false
        // What comes is kept until it is to be tried.
        yield* member.order(Order.Shut, group)
        const moved = yield* this.move(group, at, member, plan.success, Order.Open)
        if (moved) yield* onLeft(at)
        return moved
      })
    )
  }

  private alone<A>(effect: Effect.Effect<A>): Effect.Effect<A> {
    return this.rescaling.alone(
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

  /** True if it moved; else all is as it was, the source being told `otherwise` about the group. */
  private move(group: number, from: Member, to: Member, change: Change, otherwise: number): Effect.Effect<boolean> {
    const { care, rescaling, wire } = this
    const transfer = Effect.gen({ self: this }, function* () {
      yield* this.emptied(from)
      yield* this.requests.sighted(from, group)
      if (wire.internal !== undefined) yield* rescaling.transfer([{ from: from.id, to: to.id, groups: [group] }])
      const handed = care.ward(from).takeHanded()
      for (const one of handed) this.handover.put(to, one)
      // What others send next may take another lane.
      if (handed.length > 0) yield* this.requests.arrived([to])
    })
    const moved = Effect.andThen(
      rescaling.holding(new Set([group]), Effect.void, transfer, change),
      Effect.as(from.order(Order.Open, group), true)
    )
    return Effect.catch(moved, () =>
      // Whoever takes its place has what it handed over, too.
      from.forsaken
        ? Effect.succeed(false)
        : Effect.andThen(
            from.order(otherwise, group),
            Effect.sync(() => {
              for (const one of care.ward(from).takeHanded()) this.handover.put(from, one)
              return false
            })
          )
    )
  }

  /** Waits until nothing is kept beside a worker's mailbox. */
  private emptied(member: Member): Effect.Effect<void, WorkerNotRunning> {
    const gone = () => member.notRunning("hand over a key group", [])
    return Effect.timeoutOrElse(
      Poll.until(() => !member.mailbox.keeps || member.isLost),
      { duration: patienceMillis, orElse: () => Effect.fail(gone()) }
    )
  }
}
