/**
 * Messages that failed and may be tried again, while those of other keys go on: a failed one holds
 * the others of its key behind it until its owner has decided about it.
 *
 * A batch that failed holds the keys of all its messages, and is tried again as it was. After its last
 * try it is taken apart: each message is tried once more, alone, and only those that fail are given up.
 *
 * Handlers run one at a time here too: whatever is due is done by the caller, now or as the Effect
 * that it is given.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { WorkerPanicked } from "../errors/Errors.ts"
import type { Custody } from "./Custody.ts"
import type { Gate, Work } from "./Gate.ts"
import type { Invoker } from "./Invoker.ts"
import { Panic } from "./Panic.ts"
import { placeOf, type Taken } from "./Progress.ts"
import type { Handed, Reporting } from "./Reporting.ts"
import { byPlace, everyGroup } from "./Safeguard.ts"

/**
 * Something taken from the mailbox that is to be done, in the order of its key.
 *
 * @category models
 * @since 0.1.0
 */
export interface Entry {
  readonly key: number
  readonly taken: Taken
  readonly what: Handed
  /** Throws, returns an Effect, or is done when it returns. */
  readonly work: () => unknown
}

/** What failed: one message, or a batch of them. */
interface Failure {
  readonly entries: ReadonlyArray<Entry>
  readonly isBatch: boolean
  readonly tries: number
}

/** How a try ended; undefined if it did not fail. */
type Outcome = WorkerPanicked | undefined | Effect.Effect<WorkerPanicked | undefined, WorkerPanicked>

/**
 * @category models
 * @since 0.1.0
 */
export class Parking {
  /** Keys that are held: a plain field, as it is asked for each message. */
  size = 0
  private readonly invoker: Invoker
  private readonly reporting: Reporting
  private readonly custody: Custody
  private readonly gate: Gate | undefined
  private readonly onDone: (taken: Taken) => void
  private readonly onTold: (taken: Taken) => void
  /** What waits behind the failed one of each key. */
  private readonly behind = new Map<number, Array<Entry>>()
  private readonly failures = new Map<number, Failure>()
  /** What is about to be handed over. */
  private gathered: Array<Entry> | undefined
  // Not from 0: a decision that was made for a predecessor must not be taken for one about this life.
  private ticket = (Math.random() * 2 ** 31) | 0

  constructor(
    invoker: Invoker,
    reporting: Reporting,
    custody: Custody,
    gate: Gate | undefined,
    onDone: (taken: Taken) => void,
    onTold: (taken: Taken) => void
  ) {
    this.invoker = invoker
    this.reporting = reporting
    this.custody = custody
    this.gate = gate
    this.onDone = onDone
    this.onTold = onTold
  }

  /** A message that was taken, to be handled within `allowed`, if that is not 0. Throws a `Panic` if it has no key. */
  entryOf(message: unknown, context: string | undefined, allowed: number, taken: Taken): Entry {
    const { invoker } = this
    const work = (): unknown => {
      invoker.allow(allowed)
      if (invoker.batches) return invoker.handleBatch([message])
      const result = invoker.handle(message)
      return Effect.isEffect(result) ? invoker.provided(result, "handle", message, context) : undefined
    }
    return { key: invoker.hashOf(message), taken, what: { message, allowed, context }, work }
  }

  /** Does an entry now, or once those of its key before it are done. */
  add(entry: Entry): Work {
    if (this.gate?.leaves(entry.key) === true) return this.give(entry)
    if (this.gate?.holds(entry.key, "message" in entry.what, () => this.add(entry)) === true) return undefined
    const queue = this.behind.get(entry.key)
    if (queue === undefined) return this.attempt(entry)
    queue.push(entry)
    return undefined
  }

  /** Hands all that it has of key groups over to its owner, and what comes from now on. */
  handOver(groups: ReadonlySet<number>): void {
    const gate = this.gate!
    const gathered: Array<Entry> = []
    this.gathered = gathered
    for (const [ticket, failure] of this.failures) {
      const [first] = failure.entries
      const theirs = failure.entries.filter(({ key }) => groups.has(gate.groupOf(key)))
      if (theirs.length === 0) continue
      const rest = failure.entries.filter((entry) => !theirs.includes(entry))
      if (rest.length === 0) this.failures.delete(ticket)
      // Still a batch, if one message is left: nobody knows yet whether that is to blame.
      else this.failures.set(ticket, { ...failure, entries: rest })
      gate.undecided(first.key, rest[0]?.key)
      for (const entry of theirs) this.give(entry)
    }
    for (const [key, queue] of this.behind) {
      if (!groups.has(gate.groupOf(key))) continue
      for (const entry of queue) this.give(entry)
      this.behind.delete(key)
    }
    this.size = this.behind.size
    gate.handOver(groups)
    this.gathered = undefined
    // As they lie in their lanes, whatever they waited for: what others sent lies behind what was moved here.
    gathered.sort((a, b) => byPlace(a.taken, b.taken))
    for (const entry of gathered) this.give(entry)
  }

  private give(entry: Entry): undefined {
    if (this.gathered !== undefined) return void this.gathered.push(entry)
    const { taken, what } = entry
    this.reporting.handed(placeOf(taken), what)
    this.onTold(taken)
  }

  /** Holds the key of an entry that failed. */
  park(entry: Entry, error: WorkerPanicked, tries = 1): void {
    this.hold({ entries: [entry], isBatch: false, tries }, error)
  }

  /** Holds the keys of a batch that failed. */
  parkBatch(entries: ReadonlyArray<Entry>, error: WorkerPanicked, tries = 1): void {
    this.hold({ entries, isBatch: entries.length > 1, tries }, error)
  }

  private hold(failure: Failure, error: WorkerPanicked): void {
    const { entries, isBatch } = failure
    const [{ key, taken }] = entries
    for (const entry of entries) if (!this.behind.has(entry.key)) this.behind.set(entry.key, [])
    this.size = this.behind.size
    this.ticket = (this.ticket + 1) | 0
    this.failures.set(this.ticket, failure)
    const { groupSince, since } = this.gate?.failed(key) ?? { groupSince: 0, since: 0 }
    const group = this.groupOf(entries)
    const size = isBatch ? entries.length : 0
    const what = isBatch ? undefined : entries[0].what
    this.reporting.failed(this.ticket, { ...placeOf(taken), size, group, since, groupSince, error }, what)
  }

  /** The key group of a failure. Which of a batch is to blame nobody knows yet, unless all are of one. */
  private groupOf(entries: ReadonlyArray<Entry>): number {
    const { gate } = this
    if (gate === undefined) return everyGroup
    const group = gate.groupOf(entries[0].key)
    return entries.every(({ key }) => gate.groupOf(key) === group) ? group : everyGroup
  }

  /** Does what the owner decided. */
  decide(ticket: number, again: boolean): Work {
    const failure = this.failures.get(ticket)
    if (failure === undefined) return undefined
    this.failures.delete(ticket)
    const { entries, isBatch, tries } = failure
    const [first] = entries
    // Before the try, which may fail and be counted anew.
    const next = this.gate?.decided(first.key, again)
    const work = isBatch
      ? again
        ? this.retryBatch(entries, tries)
        : this.takeApart(entries, tries, 0)
      : again
        ? this.attempt(first, tries)
        : this.giveUp(first)
    return inTurn(work, () => next)
  }

  private giveUp(entry: Entry, last?: { readonly error: WorkerPanicked; readonly tries: number }): Work {
    this.reporting.dead(placeOf(entry.taken), () => (entry.what as { readonly message: unknown }).message, last)
    this.onTold(entry.taken)
    return last === undefined ? this.drain(entry.key) : undefined
  }

  /** Does an entry, and those that wait behind it. */
  private attempt(entry: Entry, tries = 0): Work {
    return this.after(entry, this.run(entry), tries)
  }

  private after(entry: Entry, outcome: Outcome, tries: number): Work {
    return settled(outcome, (error) => {
      if (error === undefined) {
        this.succeed(entry)
        return this.drain(entry.key)
      }
      this.park(entry, error, tries + 1)
      return undefined
    })
  }

  private retryBatch(entries: ReadonlyArray<Entry>, tries: number): Work {
    const { lane, number } = placeOf(entries[0].taken)
    this.custody.batch(entries.length, lane, number)
    this.custody.touch()
    const batch = () => {
      const messages = entries.flatMap(({ what }) => ("message" in what ? [what] : []))
      this.invoker.allow(messages[0].allowed)
      return this.invoker.handleBatch(messages.map(({ message }) => message))
    }
    return settled(this.guarded(batch, undefined), (error) => {
      if (error !== undefined) {
        this.parkBatch(entries, error, tries + 1)
        return undefined
      }
      for (const entry of entries) this.succeed(entry)
      return this.drainAll(entries)
    })
  }

  private takeApart(entries: ReadonlyArray<Entry>, tries: number, from: number): Work {
    for (let at = from; at < entries.length; at++) {
      const entry = entries[at]
      const done = (error: WorkerPanicked | undefined): void => {
        if (error === undefined) this.succeed(entry)
        else this.giveUp(entry, { error, tries: tries + 1 })
      }
      const outcome = this.run(entry)
      if (isRunning(outcome)) {
        return Effect.flatMap(outcome, (error) => {
          done(error)
          return this.takeApart(entries, tries, at + 1) ?? Effect.void
        })
      }
      done(outcome)
    }
    return this.drainAll(entries)
  }

  private run(entry: Entry): Outcome {
    this.custody.mark(entry.taken)
    // A request has its answer; its failure is the worker's.
    if ("request" in entry.what) {
      const result = entry.work()
      if (!Effect.isEffect(result)) return undefined
      return Effect.as(result as Effect.Effect<unknown, WorkerPanicked>, undefined)
    }
    return this.guarded(entry.work, entry)
  }

  /** Does what may fail; what its owner does not decide about is the worker's end. */
  private guarded(work: () => unknown, entry: Entry | undefined): Outcome {
    let result: unknown
    try {
      result = work()
    } catch (cause) {
      const error = this.invoker.errorOf("handle", cause)
      if (this.custody.decides(error)) return error
      if (entry !== undefined) this.gate?.blame(() => entry.key)
      throw new Panic(error)
    }
    if (!Effect.isEffect(result)) return undefined
    return Effect.matchEffect(result as Effect.Effect<unknown, WorkerPanicked>, {
      onFailure: (error) => {
        if (this.custody.decides(error)) return Effect.succeed(error)
        if (entry !== undefined) this.gate?.blame(() => entry.key)
        return Effect.fail(error)
      },
      onSuccess: () => Effect.succeed(undefined)
    })
  }

  private succeed(entry: Entry): void {
    this.onDone(entry.taken)
    if ("message" in entry.what && this.gate?.active === true) this.gate.succeeded(entry.key)
  }

  /** Each key once: one that waits behind them may fail, and hold its key anew. */
  private drainAll(entries: ReadonlyArray<Entry>): Work {
    return this.drainEach(new Set(entries.map(({ key }) => key)).values())
  }

  private drainEach(keys: Iterator<number>): Work {
    for (let { done, value } = keys.next(); done !== true; { done, value } = keys.next()) {
      const work = this.drain(value)
      if (work !== undefined) return Effect.flatMap(work, () => this.drainEach(keys) ?? Effect.void)
    }
    return undefined
  }

  /** Does what waits behind a message of a key. A loop: much may wait. */
  private drain(key: number): Work {
    const queue = this.behind.get(key)
    if (queue === undefined) return undefined
    const waiting = () => queue.map((entry) => ({ key, go: () => this.add(entry), tells: "message" in entry.what }))
    for (;;) {
      if (queue.length === 0 || this.gate?.keepFirst(key, waiting) === true) {
        this.behind.delete(key)
        this.size = this.behind.size
        return undefined
      }
      const entry = queue.shift()!
      const outcome = this.run(entry)
      if (outcome !== undefined) return this.after(entry, outcome, 0)
      this.succeed(entry)
    }
  }
}

/** One after the other. */
const inTurn = (work: Work, next: () => Work): Work =>
  work === undefined ? next() : Effect.flatMap(work, () => next() ?? Effect.void)

/** An error is an Effect, too: one that fails. */
const isRunning = (outcome: Outcome): outcome is Effect.Effect<WorkerPanicked | undefined, WorkerPanicked> =>
  outcome !== undefined && !(outcome instanceof WorkerPanicked)

const settled = (outcome: Outcome, next: (error: WorkerPanicked | undefined) => Work): Work =>
  isRunning(outcome) ? Effect.flatMap(outcome, (error) => next(error) ?? Effect.void) : next(outcome)
