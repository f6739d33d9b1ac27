/**
 * Key groups that are with other workers while their circuits are open.
 *
 * ```
 *  nothing new is sent ──▶ the worker hands over what it has of the groups ──▶ their state goes along
 *                                                                                      │
 *                            sending goes on ◀── the messages are put into the others' mailboxes
 * ```
 *
 * All groups that are to leave one worker go together: while some are on their way, others come to wait. As for every
 * change, groups that stay are not disturbed; those that a circuit keeps stay where they are.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Poll from "../channel/Poll.ts"
import { everyGroup, Order } from "../worker/Safeguard.ts"
import type { Wire } from "../worker/Wire.ts"
import type { Care } from "./Care.ts"
import type { Handover } from "./Handover.ts"
import type { Member } from "./Member.ts"
import type { Change, Placement } from "./Placement.ts"
import type { Requests } from "./Requests.ts"
import type { Rescaling } from "./Rescaling.ts"

/** Most key groups that go together: others wait meanwhile. */
const together = 512

/** A key group that is to go from one worker to another. */
interface Wish {
  readonly group: number
  /** Who has it and is to give it away; undefined if nobody is, by now. */
  readonly from: () => Member | undefined
  /** Who is to have it, made ready for that; undefined if nobody may. */
  readonly to: Effect.Effect<Member | undefined>
  /** What is done about whom it leaves. */
  readonly onLeft: (from: Member) => Effect.Effect<void>
  /** Who has it then; undefined while it did not go. */
  given: Member | undefined
}

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
  /** Those whose turn has not come. */
  private readonly wishes = new Set<Wish>()
  /** Changes under way. */
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
    const isOther = (other: Member) => other !== member && other.running && isReady(other)
    return this.wish(member, {
      group,
      from: () => (placement.placeOf(group) === member ? member : undefined),
      to: Effect.suspend(() =>
        Effect.map(Effect.filter(placement.members.filter(isOther), mayHave), (others) =>
          placement.otherFor(group, others)
        )
      ),
      onLeft: () => Effect.void,
      given: undefined
    })
  }

  /** Gives a key group back to the worker whose it is; `onLeft` is done about whom it leaves. True if it went. */
  home(member: Member, group: number, onLeft: (other: Member) => Effect.Effect<void>): Effect.Effect<boolean> {
    const { placement } = this
    const given = this.wish(member, {
      group,
      from: () => {
        const at = placement.placeOf(group)
        return at === member || placement.homeOf(group) !== member ? undefined : at
      },
      // What comes is kept until it is to be tried.
      to: Effect.suspend(() =>
        isReady(member) ? Effect.as(member.order(Order.Shut, group), member) : Effect.undefined
      ),
      onLeft,
      given: undefined
    })
    return Effect.map(given, (to) => to !== undefined)
  }

  /** Waits for a wish's turn; whoever comes first sees to the others of the same worker. */
  private wish(member: Member, wish: Wish): Effect.Effect<Member | undefined> {
    return Effect.suspend(() => {
      const turn = Effect.suspend(() => (this.wishes.has(wish) ? this.grant(wish) : Effect.void))
      this.wishes.add(wish)
      return Effect.ensuring(
        Effect.map(this.rescaling.first(member, turn), () => wish.given),
        Effect.sync(() => this.wishes.delete(wish))
      )
    })
  }

  /** Has a worker give away what is wished, together. Others wait for the outcome: it is not interrupted. */
  private grant(first: Wish): Effect.Effect<void> {
    const granted = Effect.gen({ self: this }, function* () {
      const { placement, wishes } = this
      const from = first.from()
      const places = new Map<number, Member>()
      const going: Array<readonly [Wish, to: Member]> = []
      for (const wish of new Set([first, ...wishes])) {
        // Of two wishes about one group the second is looked at when the first was granted.
        if (places.has(wish.group) || (wish !== first && wish.from() !== from)) continue
        wishes.delete(wish)
        const to = from === undefined || !isReady(from) ? undefined : yield* wish.to
        if (to === undefined) continue
        places.set(wish.group, to)
        if (going.push([wish, to]) === together) break
      }
      const plan = placement.planDetours(places)
      if (from === undefined || going.length === 0 || Result.isFailure(plan)) return
      if (!(yield* this.move(from, new Set(places.keys()), plan.success))) return
      for (const [wish, to] of going) {
        wish.given = to
        yield* wish.onLeft(from)
      }
    })
    return Effect.uninterruptible(
      Effect.suspend(() => {
        this.moving += 1
        return Effect.ensuring(
          granted,
          Effect.sync(() => {
            this.moving -= 1
          })
        )
      })
    )
  }

  /** True if they moved; else all is as it was. */
  private move(from: Member, groups: ReadonlySet<number>, change: Change): Effect.Effect<boolean> {
    const { care, handover, placement, rescaling, wire } = this
    const ward = care.ward(from)
    /** Has workers handle what was handed over, before all that is sent next. */
    const bring = (where: Pick<Change, "assignment" | "members">): void =>
      handover.bring(from, where, [...ward.takeHanded(), ...ward.takeBeside()])
    const transfer = Effect.gen({ self: this }, function* () {
      ward.beside = [...ward.beside, ...handover.withdraw(from, groups)]
      ward.leaving = groups
      yield* this.requests.sighted(from, [...groups])
      if (wire.internal !== undefined) yield* rescaling.transfer(change.moves)
      else if (!change.moves.every(({ to }) => change.members.some((member) => member.id === to && isReady(member)))) {
        return yield* Effect.fail(from.notRunning("hand over key groups", []))
      }
      bring(change)
      yield* from.order(Order.Stay, everyGroup)
    })
    const back = Effect.suspend(() => {
      // Whoever takes its place has what it handed over, too.
      if (from.forsaken) return Effect.void
      return Effect.map(care.breaking.remind(from, groups), () => bring(placement))
    })
    const moved = rescaling.holding(
      groups,
      Effect.void,
      // While nobody may send: what comes next must not overtake it.
      Effect.tapError(transfer, () => back),
      change
    )
    return Effect.match(moved, { onFailure: () => false, onSuccess: () => true })
  }
}

/** Whether a worker takes part in a change soon: one that is paused would make everybody wait. */
const isReady = ({ accepts, forsaken, state }: Member): boolean => accepts && !forsaken && state !== "Paused"
