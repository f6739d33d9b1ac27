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
import type { Custody } from "./Custody.ts"
import type { Invoker } from "./Invoker.ts"
import { placeOf, type Taken } from "./Progress.ts"
import type { Reporting } from "./Reporting.ts"

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

type Work = Effect.Effect<void, WorkerPanicked> | undefined

type Outcome = boolean | Effect.Effect<boolean, WorkerPanicked>

/**
 * @category models
 * @since 0.1.0
 */
export class Parking {
  private readonly invoker: Invoker
  private readonly reporting: Reporting
  private readonly custody: Custody
  private readonly onDone: (entry: Entry) => void
  /** What waits behind the failed one of each key. */
  private readonly behind = new Map<number, Array<Entry>>()
  private readonly failed = new Map<number, Entry>()
  // Not from 0: a decision that was made for a predecessor must not be taken for one about this life.
  private ticket = (Math.random() * 2 ** 31) | 0

  constructor(invoker: Invoker, reporting: Reporting, custody: Custody, onDone: (entry: Entry) => void) {
    this.invoker = invoker
    this.reporting = reporting
    this.custody = custody
    this.onDone = onDone
  }

  /** Keys that are held. */
  get size(): number {
    return this.behind.size
  }

  /** A message that was taken, to be handled. Throws a `Panic` if it has no key. */
  entryOf(message: unknown, context: string | undefined, taken: Taken): Entry {
    const { invoker } = this
    const work = (): unknown => {
      const result = invoker.handle(message)
      return Effect.isEffect(result) ? invoker.provided(result, "handle", message, context) : undefined
    }
    return { key: invoker.hashOf(message), taken, message: { value: message }, work }
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
    this.reporting.failed(this.ticket, placeOf(entry.taken), error)
  }

  /** Does what the owner decided. */
  decide(ticket: number, again: boolean): Work {
    const entry = this.failed.get(ticket)
    if (entry === undefined) return undefined
    this.failed.delete(ticket)
    if (again) return this.after(this.run(entry), entry.key)
    this.reporting.dead(placeOf(entry.taken), () => entry.message!.value)
    this.onDone(entry)
    return this.drain(entry.key)
  }

  private run(entry: Entry): Outcome {
    let result: unknown
    this.custody.mark(entry.taken)
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
    this.onDone(entry)
    return true
  }

  private fail(entry: Entry, cause: unknown): false {
    this.park(entry, this.invoker.errorOf("handle", cause))
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
