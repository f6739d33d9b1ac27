/**
 * Where keys are: the workers in use, the assignment of keys to them, and the key groups that are
 * on the move from one assignment to the next.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Poll from "../channel/Poll.ts"
import type { InvalidConfig } from "../errors/Errors.ts"
import { type Assignment, type Move, moves } from "../partition/Assignment.ts"
import type { Partitioner } from "../partition/Partitioner.ts"
import { Refusals } from "../ring/Refusals.ts"
import { held, RoutingTable } from "../ring/RoutingTable.ts"
import type { Key } from "../worker/Worker.ts"
import type { Member } from "./Member.ts"

/**
 * A change of the workers, worked out and not yet done.
 *
 * @category models
 * @since 0.1.0
 */
export interface Change {
  readonly members: ReadonlyArray<Member>
  readonly assignment: Assignment<Key>
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
  readonly refusals: Refusals
  private readonly partitioner: Partitioner<Key>
  private readonly groups: number
  private readonly all: ReadonlyArray<Member>
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
    this.refusals = Refusals.make(all.length, groups)
    this.show()
    if (assignment.keyed && assignment.grouping === groups && partitioner.name !== "leastLoaded") {
      this.table = RoutingTable.make(groups, clients)
      this.table.change(this.entries(members, assignment))
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

  private *entries(members: ReadonlyArray<Member>, assignment: Assignment<Key>): Iterable<readonly [number, number]> {
    if (!assignment.keyed) return
    for (let group = 0; group < assignment.groups; group++) {
      const worker = assignment.workerOfGroup(group)
      yield [group, worker < 0 ? held : this.all.indexOf(members[worker])]
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
    const before = this.assignment
    return Result.flatMap(
      this.partitioner.assign(
        members.map((member) => member.id),
        {
          groups: this.groups,
          load: (worker) => members[worker].mailbox.depth,
          previous: before.keyed ? before : undefined
        }
      ),
      (assignment): Result.Result<Change, InvalidConfig> =>
        before.keyed && assignment.keyed
          ? Result.map(moves(before, assignment), (changes) => ({ members, assignment, moves: changes }))
          : Result.succeed({ members, assignment, moves: [] })
    )
  }

  /** Stops all sending to some key groups, and waits until what other threads route is published. */
  hold(groups: ReadonlySet<number>): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.settled = Deferred.makeUnsafe<void>()
      this.moving = groups
      this.epoch += 1
      const { table } = this
      if (table === undefined) return Effect.void
      const version = table.change(Array.from(groups, (group) => [group, held] as const))
      const clientIsThere = (client: number) => this.all[0].mailbox.clientIsThere(client)
      return Poll.until(() => table.settled(version, clientIsThere))
    })
  }

  /** Puts a change into effect, and lets the groups that were held go. */
  release(change?: Change): void {
    if (change !== undefined) {
      this.members = change.members
      this.assignment = change.assignment
      this.show()
    }
    this.table?.change(this.entries(this.members, this.assignment))
    this.moving = undefined
    this.epoch += 1
    Deferred.doneUnsafe(this.settled, Effect.void)
  }
}
