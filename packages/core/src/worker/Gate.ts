/**
 * What a worker does about key groups whose circuit is not closed: it keeps their messages, in the order
 * of their keys, and counts how those do that failed lately. And about those that are to be handed over:
 * their messages go back to the owner, for whoever has the group next, from `handOver` to `Stay`.
 *
 * ```
 *           Shut                    Probe
 * open ───────────▶ all are kept ───────────▶ one passes ── fails: all are kept
 *   ▲                                             │ succeeds: the owner is told
 *   └──────────────────── Open ◀──────────────────┘
 * ```
 *
 * The owner decides, by a `CircuitBreaker`. A gate that has nothing to do costs one look a message; which
 * group a message belongs to is computed only while a group is kept or watched.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { WorkerPanicked } from "../errors/Errors.ts"
import * as KeyGroup from "../partition/KeyGroup.ts"
import type { ControlBlock } from "../ring/ControlBlock.ts"
import { everyGroup, type GateStart, Order } from "./Safeguard.ts"

/** What is left to do: nothing, or an Effect. */
export type Work = Effect.Effect<void, WorkerPanicked> | undefined

/**
 * Something to do with a key, when it may be done.
 *
 * @category models
 * @since 0.1.0
 */
export interface Held {
  readonly key: number
  readonly go: () => Work
  /** Whether it can be on trial: a message, which succeeds or fails, and not a request. */
  readonly tells: boolean
}

/**
 * @category models
 * @since 0.1.0
 */
export class Gate {
  private readonly groups: number
  private readonly control: ControlBlock
  private readonly window: number
  private readonly onRecovered: (group: number) => void
  /** Groups with a failure lately, and how many succeeded since. */
  private readonly watched = new Map<number, number>()
  private readonly kept = new Map<number, Array<Held>>()
  /** Groups that are handed over. */
  private readonly leaving = new Set<number>()
  /** Groups whose next message passes, and groups of which one is on trial. */
  private readonly awaited = new Set<number>()
  private readonly trials = new Set<number>()
  /** Messages that failed and wait to be tried again: they go before those that were kept. */
  private readonly failures = new Map<number, number>()
  private passing: number | undefined
  /** Whether each message must be looked at: a plain field, as that is asked for each message. */
  active = false

  /** @param onRecovered told of a group whose trial succeeded */
  constructor(
    { groups, leaving, shut, watched, window }: GateStart,
    control: ControlBlock,
    onRecovered: (group: number) => void
  ) {
    this.groups = groups
    this.control = control
    this.window = window
    this.onRecovered = onRecovered
    for (const group of watched) this.watched.set(group, 0)
    for (const group of shut) this.kept.set(group, [])
    for (const group of leaving) {
      this.kept.delete(group)
      this.leaving.add(group)
    }
    this.look()
  }

  /** To be called after groups were kept, watched or let go. */
  private look(): void {
    this.active = this.watched.size > 0 || this.kept.size > 0 || this.leaving.size > 0
  }

  /** Whether messages are kept. */
  get keeps(): boolean {
    for (const queue of this.kept.values()) if (queue.length > 0) return true
    return false
  }

  /** The key group of a key's hash. */
  groupOf(key: number): number {
    return KeyGroup.of(key, this.groups)
  }

  /** Keeps something to do with a key, if it may not be done now; `tells` if it can be on trial. */
  holds(key: number, tells: boolean, go: () => Work): boolean {
    if (this.kept.size === 0) return false
    const all = this.passing === everyGroup ? undefined : this.kept.get(everyGroup)
    const group = all === undefined ? this.groupOf(key) : everyGroup
    if (this.passing === group) return false
    const queue = all ?? this.kept.get(group)
    if (queue === undefined) return false
    if (this.awaited.has(group)) {
      if (tells) this.awaited.delete(group)
      return false
    }
    queue.push({ key, go, tells })
    return true
  }

  /** Whether a key's group is handed over. */
  leaves(key: number): boolean {
    return this.leaving.size > 0 && this.leaving.has(this.groupOf(key))
  }

  /** Hands groups over from now on; what was kept of them is done again, to find that out. */
  handOver(groups: ReadonlySet<number>): void {
    const kept = Array.from(groups, (group) => this.kept.get(group) ?? [])
    const all = this.kept.get(everyGroup)
    if (all !== undefined) {
      const leave = new Set(all.filter(({ key }) => groups.has(this.groupOf(key))))
      kept.push([...leave])
      this.kept.set(
        everyGroup,
        all.filter((held) => !leave.has(held))
      )
    }
    for (const group of groups) {
      this.forget(group)
      this.leaving.add(group)
    }
    this.look()
    for (const { go } of kept.flat()) go()
  }

  private forget(group: number): void {
    this.kept.delete(group)
    this.watched.delete(group)
    this.trials.delete(group)
    this.awaited.delete(group)
  }

  succeeded(key: number): void {
    this.success(everyGroup)
    this.success(this.groupOf(key))
    this.look()
  }

  private success(group: number): void {
    if (this.trials.delete(group)) this.onRecovered(group)
    const count = this.watched.get(group)
    if (count === undefined) return
    if (count + 1 >= this.window && !this.kept.has(group)) this.watched.delete(group)
    else this.watched.set(group, count + 1)
  }

  /** A try failed, and its owner will decide: how many succeeded since the last that did, of all and of its group. */
  failed(key: number): { readonly since: number; readonly groupSince: number } {
    const group = this.groupOf(key)
    this.count(everyGroup, 1)
    this.count(group, 1)
    return { since: this.failure(everyGroup), groupSince: this.failure(group) }
  }

  private failure(group: number): number {
    this.trials.delete(group)
    this.awaited.delete(group)
    const since = this.watched.get(group) ?? this.window
    this.watched.set(group, 0)
    this.active = true
    return since
  }

  /** The worker dies of a message of this key: its owner is told of the group. */
  blame(keyOf: () => number): void {
    try {
      const group = this.groupOf(keyOf())
      this.control.blame(group, this.watched.get(group) ?? this.window)
    } catch {
      // The key may be what it dies of: then it is no group's.
    }
  }

  /** A message that had failed is tried again, or given up: then another is on trial, if one was to be. */
  decided(key: number, again: boolean): Work {
    const group = this.groupOf(key)
    this.count(everyGroup, -1)
    this.count(group, -1)
    if (again) return undefined
    return this.next(this.trials.has(everyGroup) ? everyGroup : group)
  }

  /** Keeps what waited behind a message of a key before all that came later; false if it may be done now. */
  keepFirst(key: number, waiting: () => ReadonlyArray<Held>): boolean {
    if (this.kept.size === 0) return false
    const group = this.kept.has(everyGroup) ? everyGroup : this.groupOf(key)
    const queue = this.kept.get(group)
    if (queue === undefined) return false
    this.kept.set(group, [...waiting(), ...queue])
    return true
  }

  /** What failed is handed over, and nobody decides about it any more; or about another key's in its place. */
  undecided(key: number, instead: number | undefined): void {
    for (const [of, by] of [[key, -1] as const, ...(instead === undefined ? [] : [[instead, 1] as const])]) {
      this.count(everyGroup, by)
      this.count(this.groupOf(of), by)
    }
  }

  private count(group: number, by: number): void {
    const count = (this.failures.get(group) ?? 0) + by
    if (count > 0) this.failures.set(group, count)
    else this.failures.delete(group)
  }

  /** Does what its owner decided about a group. */
  obey(order: number, group: number): Work {
    if (order === Order.Stay) {
      this.leaving.clear()
      this.look()
      return undefined
    }
    // Its circuit has nothing to say about what leaves.
    if (this.leaving.has(group)) return undefined
    if (order === Order.Shut) {
      this.trials.delete(group)
      this.awaited.delete(group)
      if (!this.kept.has(group)) this.kept.set(group, [])
      this.active = true
      return undefined
    }
    if (order === Order.Probe) {
      this.trials.add(group)
      return this.next(group)
    }
    const queue = this.kept.get(group) ?? []
    this.forget(group)
    this.look()
    return this.drain(queue, group)
  }

  /**
   * Lets the first message of a group on trial pass, and the requests before it, unless one that failed before is to be
   * tried first.
   */
  private next(group: number): Work {
    const queue = this.kept.get(group)
    if (queue === undefined || !this.trials.has(group) || this.failures.has(group) || this.awaited.has(group)) {
      return undefined
    }
    const held = queue.shift()
    if (held === undefined) {
      this.awaited.add(group)
      return undefined
    }
    const work = this.pass(held.go, group)
    if (held.tells) return work
    // What is kept may be another queue by now.
    return work === undefined ? this.next(group) : Effect.flatMap(work, () => this.next(group) ?? Effect.void)
  }

  private pass(go: () => Work, group: number): Work {
    this.passing = group
    try {
      return go()
    } finally {
      this.passing = undefined
    }
  }

  private drain(queue: Array<Held>, group: number): Work {
    for (;;) {
      const held = queue.shift()
      if (held === undefined) return undefined
      const work = this.pass(held.go, group)
      if (work !== undefined) return Effect.flatMap(work, () => this.drain(queue, group) ?? Effect.void)
    }
  }
}
