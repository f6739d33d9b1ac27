/**
 * Messages that are handled several at once, each again and again for as long as its owner says so.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { WorkerPanicked } from "../errors/Errors.ts"
import type { Custody } from "./Custody.ts"
import type { Invoker } from "./Invoker.ts"
import type { KeyedTasks } from "./KeyedTasks.ts"
import { placeOf, type Taken } from "./Progress.ts"
import type { Reporting } from "./Reporting.ts"

/**
 * @category models
 * @since 0.1.0
 */
export class Retrying {
  private readonly invoker: Invoker
  private readonly tasks: KeyedTasks
  private readonly custody: Custody | undefined
  private readonly reporting: Reporting
  private readonly waiting = new Map<number, (again: boolean) => void>()
  // Not from 0: see `Parking`.
  private ticket = (Math.random() * 2 ** 31) | 0

  constructor(invoker: Invoker, tasks: KeyedTasks, custody: Custody | undefined, reporting: Reporting) {
    this.invoker = invoker
    this.tasks = tasks
    this.custody = custody
    this.reporting = reporting
  }

  /** Handles a message: done when it returns undefined, or by the Effect that it returns. */
  handle(message: unknown, context: string | undefined, taken: Taken): Effect.Effect<void, WorkerPanicked> | undefined {
    const { custody } = this
    let result: unknown
    custody?.mark(taken)
    try {
      result = this.invoker.handle(message)
    } catch (cause) {
      const error = this.invoker.errorOf("handle", cause)
      if (custody?.decides(error) !== true) throw cause
      return this.decided(message, context, taken, error)
    }
    if (!Effect.isEffect(result)) return undefined
    const provided = this.invoker.provided(result, "handle", message, context)
    if (custody === undefined) return provided
    return Effect.catch(provided, (error) => {
      if (custody.decides(error)) return this.decided(message, context, taken, error)
      custody.mark(taken)
      return Effect.fail(error)
    })
  }

  private decided(
    message: unknown,
    context: string | undefined,
    taken: Taken,
    error: WorkerPanicked
  ): Effect.Effect<void, WorkerPanicked> {
    const verdict = Effect.callback<boolean>((resume) => {
      this.ticket = (this.ticket + 1) | 0
      this.waiting.set(this.ticket, (again) => resume(Effect.succeed(again)))
      this.tasks.held = this.waiting.size
      this.reporting.failed(this.ticket, placeOf(taken), error)
    })
    return Effect.flatMap(verdict, (again) => {
      if (again) return this.handle(message, context, taken) ?? Effect.void
      this.reporting.dead(placeOf(taken), () => message)
      return Effect.void
    })
  }

  /** Does what the owner decided. */
  decide(ticket: number, again: boolean): void {
    const waiting = this.waiting.get(ticket)
    this.waiting.delete(ticket)
    this.tasks.held = this.waiting.size
    waiting?.(again)
  }
}
