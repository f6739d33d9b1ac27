/**
 * Messages that failed and may be tried again, while those of other keys go on: a failed one holds
 * the others of its key behind it until its owner has decided about it.
 *
 * Handlers run one at a time here too: whatever is due is done by the caller, now or as the Effect
 * that it is given.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { WorkerPanicked } from "../errors/Errors.ts"
import type { Taken } from "./Progress.ts"

/**
 * Something taken from the mailbox that is to be done, in the order of its key.
 *
 * @category models
 * @since 0.1.0
 */
export interface Entry {
  readonly key: number
  readonly taken: Taken
  /** Undefined for a request, which is answered and never tried again. */
  readonly message: { readonly value: unknown } | undefined
  /** Throws, returns an Effect, or is done when it returns. */
  readonly work: () => unknown
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ParkingHooks {
  /** An entry is about to be done. */
  readonly begin: (entry: Entry) => void
  /** Tells the owner, which decides about `ticket`. */
  readonly report: (ticket: number, entry: Entry, error: WorkerPanicked) => void
  /** Sends the message to the owner, as a dead letter. */
  readonly letter: (entry: Entry) => void
  readonly done: (entry: Entry) => void
  readonly panicOf: (entry: Entry, cause: unknown) => WorkerPanicked
}

type Work = Effect.Effect<void, WorkerPanicked> | undefined

type Outcome = boolean | Effect.Effect<boolean, WorkerPanicked>

/**
 * @category models
 * @since 0.1.0
 */
export class Parking {
  private readonly hooks: ParkingHooks
  /** What waits behind the failed one of each key. */
  private readonly behind = new Map<number, Array<Entry>>()
  private readonly failed = new Map<number, Entry>()
  // Not from 0: a decision that was made for a predecessor must not be taken for one about this life.
  private ticket = (Math.random() * 2 ** 31) | 0

  constructor(hooks: ParkingHooks) {
    this.hooks = hooks
  }

  /** Keys that are held. */
  get size(): number {
    return this.behind.size
  }

  /** Does an entry now, or once those of its key before it are done. */
  add(entry: Entry): Work {
    const queue = this.behind.get(entry.key)
    if (queue === undefined) return this.after(this.run(entry), entry.key)
    queue.push(entry)
    return undefined
  }

  /** Holds the key of an entry that failed. */
  park(entry: Entry, error: WorkerPanicked): void {
    if (!this.behind.has(entry.key)) this.behind.set(entry.key, [])
    this.ticket = (this.ticket + 1) | 0
    this.failed.set(this.ticket, entry)
    this.hooks.report(this.ticket, entry, error)
  }

  /** Does what the owner decided. */
  decide(ticket: number, again: boolean): Work {
    const entry = this.failed.get(ticket)
    if (entry === undefined) return undefined
    this.failed.delete(ticket)
    if (again) return this.after(this.run(entry), entry.key)
    this.hooks.letter(entry)
    this.hooks.done(entry)
    return this.drain(entry.key)
  }

  private run(entry: Entry): Outcome {
    let result: unknown
    this.hooks.begin(entry)
    try {
      result = entry.work()
    } catch (cause) {
      // A request has its answer; its failure is the worker's.
      if (entry.message === undefined) throw cause
      return this.fail(entry, cause)
    }
    if (!Effect.isEffect(result)) return this.succeed(entry)
    return Effect.matchEffect(result as Effect.Effect<unknown, WorkerPanicked>, {
      onFailure: (error) =>
        entry.message === undefined ? Effect.fail(error) : Effect.sync(() => this.fail(entry, error)),
      onSuccess: () => Effect.sync(() => this.succeed(entry))
    })
  }

  private succeed(entry: Entry): true {
    this.hooks.done(entry)
    return true
  }

  private fail(entry: Entry, cause: unknown): false {
    this.park(entry, this.hooks.panicOf(entry, cause))
    return false
  }

  private after(outcome: Outcome, key: number): Work {
    if (outcome === true) return this.drain(key)
    if (outcome === false) return undefined
    return Effect.flatMap(outcome, (succeeded) => (succeeded ? (this.drain(key) ?? Effect.void) : Effect.void))
  }

  private drain(key: number): Work {
    const queue = this.behind.get(key)
    if (queue === undefined) return undefined
    for (;;) {
      const entry = queue.shift()
      if (entry === undefined) {
        this.behind.delete(key)
        return undefined
      }
      const outcome = this.run(entry)
      if (outcome !== true) return this.after(outcome, key)
    }
  }
}
