/**
 * What circuits do about failed messages of workers that live: an open circuit has the worker keep what
 * is in its mailbox, and refuses what is sent, until a probe has succeeded.
 *
 * ```
 *            failed: Shut                after openDuration: Probe
 * closed ───────────────▶ open ───────────────────────────────────▶ half-open
 *   ▲                      ▲                                          │    │
 *   └──── recovered: Open ─┼──────────────────────────────────────────┘    │
 *                          └──────── failed: Shut ─────────────────────────┘
 * ```
 *
 * With `failover` another worker has the key group while its circuit is open: see `Detours`.
 *
 * The end of a worker's life is for `Care`, which has its own use for the circuits of workers.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import { toMillis as durationMillis } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { WorkerPanicked } from "../errors/Errors.ts"
import type { Move } from "../partition/Assignment.ts"
import * as KeyGroup from "../partition/KeyGroup.ts"
import type { Refusals } from "../ring/Refusals.ts"
import type { Circuits } from "../supervision/Circuits.ts"
import type { Breaker } from "../supervision/Supervision.ts"
import { everyGroup, type GateStart, Order } from "../worker/Safeguard.ts"
import type { Member } from "./Member.ts"

/**
 * One kind of circuit: of workers or of key groups.
 *
 * @category models
 * @since 0.1.0
 */
export interface Kind {
  readonly circuits: Circuits
  readonly whileOpen: Breaker["whileOpen"]
}

/**
 * What circuits of key groups need to know, and to have done, about where groups are.
 *
 * @category models
 * @since 0.1.0
 */
export interface Whereabouts {
  /** The worker that a key group is with, and the one whose it is. */
  readonly placeOf: (group: number) => Member | undefined
  readonly homeOf: (group: number) => Member | undefined
  /** Gives a key group of a member to another that `mayHave` holds for. */
  readonly away: (
    member: Member,
    group: number,
    mayHave: (other: Member) => Effect.Effect<boolean>
  ) => Effect.Effect<Member | undefined>
  /** Gives it back; `onLeft` is done about whom it leaves. True if it was elsewhere and is there now. */
  readonly home: (
    member: Member,
    group: number,
    onLeft: (other: Member) => Effect.Effect<void>
  ) => Effect.Effect<boolean>
}

/** A circuit that is not closed. */
interface Breach {
  readonly member: Member
  readonly group: number
  readonly kind: Kind
  /** When the next probe is; 0 while one is under way. */
  until: number
  trial: Deferred.Deferred<void, WorkerPanicked> | undefined
  fiber: Fiber.Fiber<void> | undefined
  /** Who has the key group meanwhile. */
  with: Member | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export class Breaking {
  readonly workers: Kind | undefined
  private readonly keyGroups: Kind | undefined
  private readonly groups: number
  private readonly refusals: Refusals
  private readonly whereabouts: Whereabouts
  private readonly scope: Scope.Scope
  private readonly breaches = new Map<Member, Map<number, Breach>>()
  /** Key groups of each worker that failed and have not recovered since. */
  private readonly watched = new Map<Member, Set<number>>()
  /** Done when no circuit keeps anything back any more. */
  readonly released = Deferred.makeUnsafe<void>()
  /** Whether anything is refused: looked at for every message. */
  refuses = false

  constructor(
    workers: Kind | undefined,
    keyGroups: Kind | undefined,
    groups: number,
    refusals: Refusals,
    whereabouts: Whereabouts,
    scope: Scope.Scope
  ) {
    this.workers = workers
    this.keyGroups = keyGroups
    this.groups = groups
    this.refusals = refusals
    this.whereabouts = whereabouts
    this.scope = scope
  }

  /** What a life is told when it begins, `leaving` being what it hands over; undefined if there are no circuits. */
  startOf(member: Member, leaving: ReadonlySet<number>): GateStart | undefined {
    const { groups, keyGroups, workers } = this
    if (keyGroups === undefined && workers === undefined) return undefined
    // The circuit of the whole worker: its new life is the probe.
    const shut = Array.from(this.breaches.get(member)?.keys() ?? []).filter((group) => group !== everyGroup)
    const window = Math.max(keyGroups?.circuits.window ?? 1, workers?.circuits.window ?? 1)
    return { groups, window, shut, watched: [...(this.watched.get(member) ?? [])], leaving: [...leaving] }
  }

  /**
   * A try of a message failed: milliseconds until the next may be made. `since` and `groupSince` tell how many
   * succeeded before it.
   */
  failed(
    member: Member,
    group: number,
    since: number,
    groupSince: number,
    error: WorkerPanicked
  ): Effect.Effect<number> {
    return Effect.gen({ self: this }, function* () {
      const worker = yield* this.count(this.workers, member, everyGroup, since, error)
      if (group === everyGroup) return worker
      return Math.max(worker, yield* this.count(this.keyGroups, member, group, groupSince, error))
    })
  }

  /** A worker died of a message of a key group. */
  died(member: Member, group: number, since: number, error: WorkerPanicked): Effect.Effect<void> {
    return group === everyGroup ? Effect.void : Effect.asVoid(this.count(this.keyGroups, member, group, since, error))
  }

  private count(
    kind: Kind | undefined,
    member: Member,
    group: number,
    successes: number,
    error: WorkerPanicked
  ): Effect.Effect<number> {
    return Effect.suspend(() => {
      if (kind === undefined || Deferred.isDoneUnsafe(this.released)) return Effect.succeed(0)
      let watched = this.watched.get(member)
      if (watched === undefined) this.watched.set(member, (watched = new Set()))
      watched.add(group)
      const breach = this.breaches.get(member)?.get(group)
      if (breach?.trial !== undefined) Deferred.doneUnsafe(breach.trial, Effect.fail(error))
      return Effect.map(kind.circuits.failed(circuitOf(member, group), successes, error), (millis) => {
        if (millis === 0) return 0
        // Nobody's death: its circuit knows why.
        if (kind.whileOpen === "failover" && group === everyGroup) Effect.runFork(Effect.ignore(member.kill))
        else if (this.breaches.get(member)?.get(group) === undefined) this.open(kind, member, group, millis)
        return millis
      })
    })
  }

  private open(kind: Kind, member: Member, group: number, millis: number): void {
    const breach: Breach = { member, group, kind, until: 0, trial: undefined, fiber: undefined, with: undefined }
    let breaches = this.breaches.get(member)
    if (breaches === undefined) this.breaches.set(member, (breaches = new Map()))
    breaches.set(group, breach)
    breach.fiber = Effect.runFork(this.follow(breach, millis))
    Fiber.runIn(breach.fiber, this.scope)
  }

  /** Keeps a circuit until a probe has closed it. */
  private follow(breach: Breach, first: number): Effect.Effect<void> {
    const { group, kind, member } = breach
    const circuit = circuitOf(member, group)
    const strays = kind.whileOpen === "failover" && group !== everyGroup
    const { away, home, homeOf, placeOf } = this.whereabouts
    const mayHave = (other: Member) => kind.circuits.admits(circuitOf(other, group))
    return Effect.gen({ self: this }, function* () {
      let millis = first
      for (;;) {
        breach.until = performance.now() + millis
        this.refuse(breach, millis)
        if (!strays) yield* member.order(Order.Shut, group)
        else if (placeOf(group) === member) {
          yield* member.order(Order.Shut, group)
          breach.with = yield* away(member, group, mayHave)
          if (breach.with !== undefined) this.moved("FailedOver", breach)
        }
        yield* Effect.sleep(Math.max(0, breach.until - performance.now()))
        breach.until = 0
        this.admit(breach)
        if (strays) {
          const back = yield* home(member, group, (other) => this.drop(other, group))
          if (back) this.moved("FailedBack", breach)
          if (homeOf(group) !== member) break
          if (placeOf(group) !== member) {
            // Whoever has it did not let it go.
            millis = first
            continue
          }
          breach.with = undefined
        }
        yield* kind.circuits.probe(circuit, this.trial(breach))
        const state = yield* kind.circuits.state(circuit)
        if (state._tag === "Closed") break
        millis = state._tag === "Open" ? durationMillis(state.retryAfter) : 0
      }
      this.forget(breach)
      yield* member.order(Order.Open, group)
    })
  }

  /** Tells a worker that it hands key groups over no more, and how the circuit of each is that has one. */
  remind(member: Member, groups: Iterable<number>): Effect.Effect<void> {
    return Effect.suspend(() => {
      const orders: Array<readonly [order: number, group: number]> = [[Order.Stay, everyGroup]]
      for (const group of groups) {
        const breach = this.breaches.get(member)?.get(group)
        if (breach === undefined) continue
        orders.push([Order.Shut, group])
        if (breach.trial !== undefined && !Deferred.isDoneUnsafe(breach.trial)) orders.push([Order.Probe, group])
      }
      return Effect.forEach(orders, ([order, group]) => member.order(order, group), { discard: true })
    })
  }

  private moved(_tag: "FailedOver" | "FailedBack", { group, kind, member }: Breach): void {
    kind.circuits.events.add({ _tag, worker: member.id, groups: 1, group })
  }

  /** Key groups are about to come to workers: those whose circuit is open there are kept. */
  arriving(moves: ReadonlyArray<Move>): Effect.Effect<void> {
    return Effect.forEach(
      moves.flatMap(({ group, to }) => this.breachesOf(to, group)),
      ({ group, member }) => member.order(Order.Shut, group),
      { discard: true }
    )
  }

  /** Key groups have left workers: what their circuits were there is over. */
  left(moves: ReadonlyArray<Move>): Effect.Effect<void> {
    return Effect.forEach(
      moves.flatMap(({ from, group }) => this.breachesOf(from, group)),
      ({ group, member }) => this.drop(member, group),
      { discard: true }
    )
  }

  private breachesOf(worker: string, group: number): ReadonlyArray<Breach> {
    if (this.breaches.size === 0) return []
    const entry = this.breaches.entries().find(([{ id }]) => id === worker)
    const breach = entry?.[1].get(group)
    return breach === undefined ? [] : [breach]
  }

  /** A key group is with another worker now, and nothing of it is kept or tried here. */
  private drop(member: Member, group: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      const breach = this.breaches.get(member)?.get(group)
      if (breach === undefined) return Effect.void
      this.forget(breach)
      this.admit(breach)
      if (breach.fiber !== undefined) Effect.runFork(Fiber.interrupt(breach.fiber))
      return member.order(Order.Open, group)
    })
  }

  private trial(breach: Breach): Effect.Effect<void, WorkerPanicked> {
    return Effect.suspend(() => {
      const trial = Deferred.makeUnsafe<void, WorkerPanicked>()
      breach.trial = trial
      return Effect.andThen(breach.member.order(Order.Probe, breach.group), Deferred.await(trial))
    })
  }

  /** The message on trial succeeded. */
  recovered(member: Member, group: number): void {
    const trial = this.breaches.get(member)?.get(group)?.trial
    if (trial !== undefined) Deferred.doneUnsafe(trial, Effect.void)
  }

  /** A life has begun: trials that its predecessor did not live to end begin anew. */
  began(member: Member): void {
    for (const { group, trial } of this.breaches.get(member)?.values() ?? []) {
      if (trial === undefined || Deferred.isDoneUnsafe(trial)) continue
      Effect.runFork(member.order(Order.Probe, group))
    }
  }

  /** A life has ended: what becomes of its own circuit is not for here any more. */
  ended(member: Member): Effect.Effect<void> {
    const breach = this.breaches.get(member)?.get(everyGroup)
    if (breach === undefined) return Effect.void
    this.forget(breach)
    this.admit(breach)
    // Its successor may read again that it was shut.
    Effect.runFork(member.order(Order.Open, everyGroup))
    return breach.fiber === undefined ? Effect.void : Fiber.interrupt(breach.fiber)
  }

  /** Others have what it had: nothing of it is kept from anybody. */
  gone(member: Member): void {
    for (const breach of this.breaches.get(member)?.values() ?? []) {
      if (breach.fiber !== undefined) Effect.runFork(Fiber.interrupt(breach.fiber))
      this.admit(breach)
    }
    this.breaches.delete(member)
    this.watched.delete(member)
  }

  /** Nothing is kept or refused any more: what is in the mailboxes has its last chance. */
  release(): Effect.Effect<void> {
    return Effect.suspend(() => {
      Deferred.doneUnsafe(this.released, Effect.void)
      const breaches = Array.from(this.breaches.values(), (ofMember) => Array.from(ofMember.values())).flat()
      for (const { member } of breaches) this.gone(member)
      return Effect.forEach(breaches, ({ group, member }) => member.order(Order.Open, group), { discard: true })
    })
  }

  private forget({ group, member }: Breach): void {
    this.breaches.get(member)?.delete(group)
    this.watched.get(member)?.delete(group)
  }

  private refuse({ group, kind, member }: Breach, millis: number): void {
    if (kind.whileOpen !== "fail") return
    if (group === everyGroup) return member.refuse(millis)
    this.refuses = true
    this.refusals.refuseGroup(group, millis)
  }

  private admit({ group, kind, member }: Breach): void {
    if (kind.whileOpen !== "fail") return
    if (group === everyGroup) return member.admit()
    this.refusals.refuseGroup(group, 0)
    this.refuses = this.breaches
      .values()
      .some((breaches) => breaches.values().some((other) => other.group !== everyGroup && other.until > 0))
  }

  groupOf(hash: number): number {
    return KeyGroup.of(hash, this.groups)
  }

  /** Milliseconds for which what has this key's hash is refused; 0 if it is not. */
  refusalOf(member: Member, hash: number): number {
    const breach = this.breaches.get(member)?.get(this.groupOf(hash))
    if (breach === undefined || breach.until === 0 || breach.kind.whileOpen !== "fail") return 0
    return Math.max(1, Math.ceil(breach.until - performance.now()))
  }

  /** The circuits that are not closed, in words. */
  get describe(): ReadonlyArray<string> {
    return [...this.breaches.values()].flatMap((breaches) =>
      Array.from(breaches.values(), ({ group, member, until, with: other }) => {
        const whose = group === everyGroup ? member.id : `${member.id}, key group ${group}`
        const millis = Math.max(0, Math.ceil(until - performance.now()))
        const state = until > 0 ? `open, probe in ${millis} ms` : "half-open"
        return `circuit of ${whose}: ${state}${other === undefined ? "" : `, meanwhile with ${other.id}`}`
      })
    )
  }
}

const circuitOf = ({ id }: Member, group: number) => ({ worker: id, group: group === everyGroup ? undefined : group })
