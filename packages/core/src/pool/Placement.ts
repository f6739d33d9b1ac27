/**
 * Where keys are: the workers in use, the assignment of keys to them, the key groups that are elsewhere
 * for a while, and those that are on the move from one assignment to the next.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Poll from "../channel/Poll.ts"
import type { InvalidConfig } from "../errors/Errors.ts"
import { type Assignment, type Move, moves } from "../partition/Assignment.ts"
import * as Detour from "../partition/Detour.ts"
import type { Partitioner } from "../partition/Partitioner.ts"
import { Refusals } from "../ring/Refusals.ts"
import { held, RoutingTable } from "../ring/RoutingTable.ts"
import type { Key } from "../worker/Worker.ts"
import type { Member } from "./Member.ts"

/** Where groups are that are not with the worker that the partitioner gives them to, and whose they are. */
type Detours = ReadonlyMap<number, { readonly home: Member; readonly at: Member }>

/**
 * A change of the workers, worked out and not yet done.
 *
 * @category models
 * @since 0.1.0
 */
export interface Change {
  readonly members: ReadonlyArray<Member>
  readonly assignment: Assignment<Key>
  /** The assignment without detours, and the workers that groups are with for a while. */
  readonly base: Assignment<Key>
  readonly detours: Detours
  /** The key groups that change hands; empty if the partitioner has none. */
  readonly moves: ReadonlyArray<Move>
}

/**
 * @category models
 * @since 0.1.0
 */
export class Placement {
  members: ReadonlyArray<Member>
  assignment: Assignment<Key>
  /** Key groups that nothing may be sent to now; every key, where there are no groups. */
  moving: ReadonlySet<number> | undefined
  /** Counts the changes: whoever waited while it changed must look again where its messages go. */
  epoch = 0
  readonly table: RoutingTable | undefined
  private version = 0
  /** Key groups that other threads may not send to yet, and who said so last. */
  private readonly closed = new Map<number, object>()
  readonly refusals: Refusals
  private base: Assignment<Key>
  private detours: Detours = new Map()
  private readonly partitioner: Partitioner<Key>
  private readonly groups: number
  private readonly all: ReadonlyArray<Member>
  /** What the partitioner would give to some of the members, until these change. */
  private readonly heirs = new Map<string, Assignment<Key>>()
  private settled = Deferred.makeUnsafe<void>()

  private constructor(
    partitioner: Partitioner<Key>,
    groups: number,
    clients: number,
    all: ReadonlyArray<Member>,
    members: ReadonlyArray<Member>,
    assignment: Assignment<Key>
  ) {
    this.partitioner = partitioner
    this.groups = groups
    this.all = all
    this.members = members
    this.assignment = assignment
    this.base = assignment
    this.refusals = Refusals.make(all.length, groups)
    this.show()
    if (assignment.keyed && assignment.grouping === groups && partitioner.name !== "leastLoaded") {
      this.table = RoutingTable.make(groups, clients)
      this.route(Array.from({ length: assignment.groups }, (_, group) => group))
    }
  }

  static make(
    partitioner: Partitioner<Key>,
    groups: number,
    clients: number,
    all: ReadonlyArray<Member>,
    size: number
  ): Effect.Effect<Placement, InvalidConfig> {
    const members = all.slice(0, size)
    return Effect.map(
      Effect.fromResult(
        partitioner.assign(
          members.map((member) => member.id),
          { groups, load: (worker) => members[worker].mailbox.depth }
        )
      ),
      (assignment) => new Placement(partitioner, groups, clients, all, members, assignment)
    )
  }

  /** Tells other threads where key groups are, or that nobody is to send to them. */
  private route(groups: Iterable<number>): void {
    const { all, assignment, closed, members, moving, table } = this
    if (table === undefined || !assignment.keyed) return
    const places = members.map((member) => all.indexOf(member))
    const entries = Array.from(groups, (group) => {
      const worker = moving?.has(group) === true || closed.has(group) ? -1 : assignment.workerOfGroup(group)
      return [group, worker < 0 ? held : places[worker]] as const
    })
    this.version = table.change(entries)
  }

  /** Keeps other threads from sending to key groups until that is done which is returned, or somebody else says so. */
  closeTo(groups: Iterable<number>): () => void {
    const who = {}
    for (const group of groups) this.closed.set(group, who)
    return () => {
      const open = Array.from(groups).filter((group) => this.closed.get(group) === who)
      for (const group of open) this.closed.delete(group)
      if (open.length > 0) this.route(open)
    }
  }

  /** Tells other threads who is there. */
  private show(): void {
    for (const [place, member] of this.all.entries()) {
      if (this.members.includes(member)) this.refusals.come(place)
      else this.refusals.leave(place)
    }
  }

  /** The worker of a key; undefined while its group is on the move. Throws `PartitionError`. */
  find(key: Key): Member | undefined {
    const { assignment, moving } = this
    if (moving !== undefined && (!assignment.keyed || moving.has(assignment.groupOf(key)))) return undefined
    return this.members[assignment.workerOf(key)]
  }

  /** Waits until the groups on the move have arrived. */
  get arrival(): Effect.Effect<void> {
    return Effect.suspend(() => (this.moving === undefined ? Effect.void : Deferred.await(this.settled)))
  }

  /** Works out what changes if these were the workers. */
  plan(members: ReadonlyArray<Member>): Result.Result<Change, InvalidConfig> {
    return Result.flatMap(this.assign(members), (base) => this.changeTo(members, base, this.detours))
  }

  /**
   * Works out what changes if one worker were not there: its key groups go to others by the partitioner, and everybody
   * else's stay where they are, which a partitioner that is asked for all groups may see otherwise.
   */
  planWithout(member: Member, others: ReadonlyArray<Member>): Result.Result<Change, InvalidConfig> {
    const members = this.members.filter((other) => other !== member)
    const places = new Map(members.map((other, place) => [other, place]))
    return Result.flatMap(Result.all([this.assign(members), this.assign(others)]), ([basis, heirs]) => {
      if (!basis.keyed || !heirs.keyed) return this.changeTo(members, basis, this.detours)
      const elsewhere = new Map<number, number>()
      for (let group = 0; group < basis.groups; group++) {
        const home = this.homeOf(group)
        const at = this.placeOf(group)
        const owner = home !== member ? home : at !== member ? at : others[heirs.workerOfGroup(group)]
        const place = owner === undefined ? undefined : places.get(owner)
        if (place !== undefined && place !== basis.workerOfGroup(group)) elsewhere.set(group, place)
      }
      return this.changeTo(members, Detour.make(basis, elsewhere), this.detours)
    })
  }

  /** Works out what changes if key groups were with these workers for a while, or with their own again. */
  planDetours(places: ReadonlyMap<number, Member>): Result.Result<Change, InvalidConfig> {
    const detours = new Map(this.detours)
    for (const [group, at] of places) {
      const home = this.homeOf(group)
      if (home === undefined || at === home) detours.delete(group)
      else detours.set(group, { home, at })
    }
    return this.changeTo(this.members, this.base, detours)
  }

  private assign(members: ReadonlyArray<Member>): Result.Result<Assignment<Key>, InvalidConfig> {
    return this.partitioner.assign(
      members.map((member) => member.id),
      {
        groups: this.groups,
        load: (worker) => members[worker].mailbox.depth,
        previous: this.base.keyed ? this.base : undefined
      }
    )
  }

  private changeTo(
    members: ReadonlyArray<Member>,
    base: Assignment<Key>,
    wanted: Detours
  ): Result.Result<Change, InvalidConfig> {
    const before = this.assignment
    if (!base.keyed) return Result.succeed({ members, assignment: base, base, detours: new Map(), moves: [] })
    const detours = new Map(
      Array.from(wanted).filter(
        // One whose own worker changes has nothing to keep it away any more.
        ([group, { at, home }]) => members.includes(at) && members[base.workerOfGroup(group)] === home
      )
    )
    const assignment = Detour.make(
      base,
      new Map(Array.from(detours, ([group, { at }]) => [group, members.indexOf(at)]))
    )
    if (!before.keyed) return Result.succeed({ members, assignment, base, detours, moves: [] })
    return Result.map(moves(before, assignment), (changes) => ({ members, assignment, base, detours, moves: changes }))
  }

  /** Whether key groups can be told apart by the hash of a key alone. */
  get grouped(): boolean {
    return this.base.keyed && this.base.grouping === this.groups
  }

  /** The worker that the partitioner gives a key group to; undefined if that is nobody. */
  homeOf(group: number): Member | undefined {
    return this.base.keyed ? this.members[this.base.workerOfGroup(group)] : undefined
  }

  /** The worker that a key group is with. */
  placeOf(group: number): Member | undefined {
    return this.detours.get(group)?.at ?? this.homeOf(group)
  }

  /** The one among these that the partitioner would give a key group to. */
  otherFor(group: number, members: ReadonlyArray<Member>): Member | undefined {
    if (members.length === 0) return undefined
    const ids = members.map(({ id }) => id).join()
    const assignment = this.heirs.get(ids) ?? Result.getOrUndefined(this.assign(members))
    if (assignment !== undefined) this.heirs.set(ids, assignment)
    const index = assignment?.keyed === true ? assignment.workerOfGroup(group) : -1
    // It would see when a key comes.
    if (index < 0) return members.reduce((one, other) => (other.mailbox.depth < one.mailbox.depth ? other : one))
    return members[index]
  }

  /** Stops all sending to some key groups, and waits until what other threads route is published. */
  hold(groups: ReadonlySet<number>): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.settled = Deferred.makeUnsafe<void>()
      this.moving = groups
      this.epoch += 1
      const { table } = this
      if (table === undefined) return Effect.void
      this.route(groups)
      const clientIsThere = (client: number) => this.all[0].mailbox.clientIsThere(client)
      // The table may change meanwhile, for other groups.
      return Poll.until(() => table.settled(this.version, clientIsThere))
    })
  }

  /** Puts a change into effect, and lets the groups that were held go. */
  release(change?: Change): void {
    if (change !== undefined) {
      if (this.members !== change.members) this.heirs.clear()
      this.members = change.members
      this.assignment = change.assignment
      this.base = change.base
      this.detours = change.detours
      this.show()
    }
    const { moving } = this
    this.moving = undefined
    this.route(moving ?? [])
    this.epoch += 1
    Deferred.doneUnsafe(this.settled, Effect.void)
  }
}
