/**
 * How workers come and go while traffic flows, without loss and with each key's order kept.
 *
 * For the key groups that change hands: nothing new is sent (`Placement.hold`), what was sent is
 * handled (`Mailbox.horizon`), the state is taken from the old owner and given to the new one, and
 * sending goes on by the new assignment. All other groups are not disturbed.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import * as Poll from "../channel/Poll.ts"
import { InvalidConfig, type WorkerNotRunning } from "../errors/Errors.ts"
import type { Move } from "../partition/Assignment.ts"
import * as Moving from "../worker/Moving.ts"
import type { Place } from "../supervision/Attempts.ts"
import type { RequestWire, Wire } from "../worker/Wire.ts"
import type { Member } from "./Member.ts"
import type { Care } from "./Care.ts"
import type { Change, Placement } from "./Placement.ts"
import type { Outputs } from "./Outputs.ts"
import type { ResizeError } from "./PoolApi.ts"
import type { Requests } from "./Requests.ts"

/** A change made way for another, which what it waits for waits for. */
class MadeWay {
  readonly _tag = "MadeWay"
}

/**
 * @category models
 * @since 0.1.0
 */
export class Rescaling {
  private readonly pool: string
  private readonly all: ReadonlyArray<Member>
  private readonly placement: Placement
  private readonly requests: Requests
  private readonly internal: Wire["internal"]
  private readonly groups: number
  private readonly shutdownMillis: number
  private readonly outputs: Outputs | undefined
  private readonly care: Care
  /** Workers that keep messages of a key group until that has gone elsewhere: one entry for each such group. */
  private readonly pressing: Array<Member> = []
  private readonly turn = Semaphore.makeUnsafe(1)

  constructor(
    pool: string,
    all: ReadonlyArray<Member>,
    placement: Placement,
    requests: Requests,
    internal: Wire["internal"],
    groups: number,
    shutdownMillis: number,
    outputs: Outputs | undefined,
    care: Care
  ) {
    this.pool = pool
    this.all = all
    this.placement = placement
    this.requests = requests
    this.internal = internal
    this.groups = groups
    this.shutdownMillis = shutdownMillis
    this.outputs = outputs
    this.care = care
  }

  resize(size: number): Effect.Effect<void, ResizeError> {
    return this.inTurn(
      Effect.suspend(() => {
        if (!Number.isInteger(size) || size < 1 || size > this.all.length) {
          return Effect.fail(
            new InvalidConfig({
              option: `pool ${this.pool}: size`,
              value: size,
              allowed: `1 to maxSize, ${this.all.length}`
            })
          )
        }
        const { members } = this.placement
        const idle = this.all.filter((member) => !members.includes(member))
        return size >= members.length
          ? this.change([...members, ...idle.slice(0, size - members.length)])
          : this.change(members.slice(0, size))
      })
    )
  }

  readonly addWorker: Effect.Effect<string, ResizeError> = Effect.suspend(() =>
    this.inTurn(
      Effect.suspend(() => {
        const { members } = this.placement
        const next = this.all.find((member) => !members.includes(member))
        return next === undefined
          ? Effect.fail(
              new InvalidConfig({
                option: `pool ${this.pool}: size`,
                value: members.length + 1,
                allowed: `1 to maxSize, ${this.all.length}`
              })
            )
          : Effect.as(this.change([...members, next]), next.id)
      })
    )
  )

  removeWorker(member: Member): Effect.Effect<void, ResizeError> {
    return this.inTurn(
      Effect.suspend(() => {
        const rest = this.placement.members.filter((other) => other !== member)
        return rest.length === 0
          ? Effect.fail(
              new InvalidConfig({ option: `pool ${this.pool}: size`, value: 0, allowed: "at least one worker" })
            )
          : this.change(rest)
      })
    )
  }

  /** Gives a worker's place, state and mailbox to a new life of it; false if its life ended in another way. */
  recycle(member: Member): Effect.Effect<boolean, ResizeError> {
    return this.turn.withPermits(1)(
      // A life that was told to leave is followed by another, whoever loses interest.
      Effect.uninterruptible(
        Effect.catchTag(member.swap(this.shutdownMillis), "WorkerAlreadyRunning", () => Effect.succeed(false))
      )
    )
  }

  /** Whether what workers know of key groups can go from one to another: workers tell groups apart by hashes. */
  get movesState(): boolean {
    return this.internal === undefined || this.placement.grouped || !this.placement.assignment.keyed
  }

  /** Does something while no other change is under way. */
  alone<A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return this.turn.withPermits(1)(effect)
  }

  /** The same, for what a worker waits for: a change that waits for that worker makes way. */
  first<A>(member: Member, effect: Effect.Effect<A>): Effect.Effect<A> {
    return Effect.suspend(() => {
      let waits = true
      this.pressing.push(member)
      const over = Effect.sync(() => {
        if (waits) this.pressing.splice(this.pressing.indexOf(member), 1)
        waits = false
      })
      return Effect.ensuring(this.alone(Effect.andThen(over, effect)), over)
    })
  }

  /** Makes a member one of those in use: how many key groups come to it. */
  admit(member: Member): Effect.Effect<number, ResizeError> {
    return this.inTurn(
      Effect.suspend(() => {
        const members = this.all.filter((other) => other === member || this.placement.members.includes(other))
        const groups = Result.match(this.placement.plan(members), {
          onFailure: () => 0,
          onSuccess: ({ moves }) => moves.length
        })
        return Effect.as(this.change(members), groups)
      })
    )
  }

  private inTurn<A>(effect: Effect.Effect<A, ResizeError | MadeWay>): Effect.Effect<A, ResizeError> {
    return Effect.catchTag(this.alone(effect), "MadeWay", () =>
      Effect.andThen(
        Poll.until(() => this.pressing.length === 0),
        this.inTurn(effect)
      )
    )
  }

  private change(members: ReadonlyArray<Member>): Effect.Effect<void, ResizeError | MadeWay> {
    return Effect.gen({ self: this }, function* () {
      const before = this.placement.members
      const plan = yield* Effect.fromResult(this.placement.plan(members))
      if (plan.moves.length > 0 && !this.movesState) {
        return yield* new InvalidConfig({
          option: `pool ${this.pool}: size`,
          value: members.length,
          allowed:
            `${before.length}: its workers have state, which can only move with a partitioner that goes by the hash of a ` +
            `key alone, not ${plan.assignment.partitioner}`
        })
      }
      const fresh = members.filter((member) => !before.includes(member))
      const leaving = before.filter((member) => !members.includes(member))
      const starting = Effect.forEach(
        fresh,
        (member) => Effect.catchTag(member.start, "WorkerAlreadyRunning", () => Effect.void),
        { concurrency: "unbounded", discard: true }
      )
      const sources = new Set(plan.moves.map(({ from }) => from))
      const handled = Effect.forEach(sources, (id) => this.handled(this.byId(id)), {
        concurrency: "unbounded",
        discard: true
      })
      const pressed = Poll.until(() => this.pressing.some(({ id }) => sources.has(id)))
      const emptied = Effect.raceFirst(
        handled,
        Effect.flatMap(pressed, () => Effect.fail(new MadeWay()))
      )
      const moving = new Set(plan.moves.map((move) => move.group))
      const transfer = Effect.andThen(this.care.breaking.arriving(plan.moves), this.transfer(plan.moves))
      const changing = Effect.andThen(
        this.holding(moving, emptied, transfer, plan),
        this.care.breaking.left(plan.moves)
      )
      yield* Effect.onError(Effect.andThen(starting, changing), () =>
        // An interruption may come after the change: then they are in use.
        this.retireAll(fresh.filter((member) => !this.placement.members.includes(member)))
      )
      yield* Effect.uninterruptible(this.retireAll(leaving))
    })
  }

  private retireAll(members: ReadonlyArray<Member>): Effect.Effect<void> {
    return Effect.forEach(members, (member) => Effect.ignore(this.retire(member)), {
      concurrency: "unbounded",
      discard: true
    })
  }

  private retire(member: Member): Effect.Effect<void, WorkerNotRunning> {
    return Effect.flatMap(member.stop(this.shutdownMillis), (killed) =>
      killed
        ? Effect.logWarning(
            `worker ${member.id} did not end within ${this.shutdownMillis} ms and was killed; ` +
              `${member.mailbox.left} messages were left in its mailbox`
          )
        : Effect.void
    )
  }

  /**
   * Holds key groups back, waits for `before`, and does `effect`; the change takes effect if that
   * succeeds. State that has begun to move arrives, or is put back: only `before` can be interrupted.
   */
  holding<E>(
    groups: ReadonlySet<number>,
    before: Effect.Effect<void, E>,
    effect: Effect.Effect<void, E>,
    change?: Change
  ): Effect.Effect<void, E> {
    // What the next worker of a key emits comes behind what this one did.
    const settled = groups.size === 0 || this.outputs === undefined ? Effect.void : this.outputs.setAside
    return Effect.uninterruptibleMask((restore) =>
      Effect.andThen(
        this.placement.hold(groups),
        Effect.matchCauseEffect(Effect.andThen(restore(Effect.andThen(before, settled)), effect), {
          onFailure: (cause) => {
            this.placement.release()
            return Effect.failCause(cause)
          },
          onSuccess: () => {
            this.placement.release(change)
            return Effect.void
          }
        })
      )
    )
  }

  /** Moves state, all of it or none. */
  transfer(moves: ReadonlyArray<Move>): Effect.Effect<void, ResizeError> {
    return Effect.suspend(() => {
      if (this.internal === undefined) return Effect.void
      const moved: Array<Route> = []
      return Effect.onError(
        Effect.forEach(routesOf(moves), (route) => Effect.map(this.move(route), () => void moved.push(route)), {
          discard: true
        }),
        () => Effect.forEach(moved, ({ from, groups, to }) => Effect.ignore(this.move({ from: to, groups, to: from })))
      )
    })
  }

  /** Takes the state of key groups from one worker to another; back, if that does not take it. */
  private move({ from, groups, to }: Route): Effect.Effect<void, ResizeError> {
    const source = this.byId(from)
    return Effect.flatMap(this.extract(source, groups), ({ snapshot }) =>
      Effect.onError(this.restore(this.byId(to), snapshot), () => Effect.ignore(this.restore(source, snapshot)))
    )
  }

  private byId(id: string): Member {
    return this.all.find((member) => member.id === id)!
  }

  /** Waits until all that was sent to a worker by now was handled. */
  private handled(member: Member): Effect.Effect<void, ResizeError> {
    return Effect.suspend(() => {
      const passed = member.mailbox.horizon()
      return Effect.flatMap(
        Poll.until(() => passed() || member.isLost),
        () => (passed() ? Effect.void : Effect.fail(member.notRunning(`pool ${this.pool}: resize`, [])))
      )
    })
  }

  private extract(
    member: Member,
    groups: Iterable<number>
  ): Effect.Effect<{ readonly snapshot: unknown }, ResizeError> {
    const payload = Moving.groupsOf(groups, this.groups, true)
    return Effect.map(this.ask(member, this.internal!.extract, payload), (snapshot) => ({ snapshot }))
  }

  private restore(member: Member, snapshot: unknown): Effect.Effect<void, ResizeError> {
    return Effect.asVoid(this.ask(member, this.internal!.restore, snapshot))
  }

  /** Asks, and waits until what others would be given of its state has the effect. Nobody waits for one that is lost. */
  ask(member: Member, request: RequestWire, payload: unknown): Effect.Effect<unknown, ResizeError> {
    return Effect.suspend(() => {
      let place: Place | undefined
      const answer = this.requests.internal(member, request, payload, (at) => {
        place = at
      }) as Effect.Effect<unknown, ResizeError>
      const gone = Effect.suspend(() => Effect.fail(member.notRunning(`pool ${this.pool}: resize`, [])))
      const lost = Effect.andThen(
        Poll.until(() => member.isLost),
        gone
      )
      return Effect.flatMap(Effect.raceFirst(answer, lost), (value) =>
        Effect.flatMap(this.care.saved(member, place), (fate): Effect.Effect<unknown, ResizeError> => {
          if (fate === "saved") return Effect.succeed(value)
          // Whoever has its state next has it without the effect, and what it answers may be another.
          return fate === "undone" ? this.ask(member, request, payload) : gone
        })
      )
    })
  }
}

interface Route {
  readonly from: string
  readonly to: string
  readonly groups: Array<number>
}

const routesOf = (moves: ReadonlyArray<Move>): ReadonlyArray<Route> => {
  const routes = new Map<string, Route>()
  for (const { from, group, to } of moves) {
    const route = `${from} ${to}`
    const known = routes.get(route)
    if (known === undefined) routes.set(route, { from, to, groups: [group] })
    else known.groups.push(group)
  }
  return [...routes.values()]
}
