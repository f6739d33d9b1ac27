/**
 * Messages that are handled several at once, each again and again for as long as its owner says so.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { WorkerPanicked } from "../errors/Errors.ts"
import type { Custody } from "./Custody.ts"
import type { Emission } from "./Emit.ts"
import type { Gate } from "./Gate.ts"
import type { Invoker } from "./Invoker.ts"
import type { KeyedTasks } from "./KeyedTasks.ts"
import { placeOf, type Taken } from "./Progress.ts"
import type { Reporting } from "./Reporting.ts"
import { everyGroup } from "./Safeguard.ts"

/**
 * @category models
 * @since 0.1.0
 */
export class Retrying {
  private readonly invoker: Invoker
  private readonly tasks: KeyedTasks
  private readonly custody: Custody | undefined
  private readonly reporting: Reporting
  private readonly gate: Gate | undefined
  private readonly onDone: (taken: Taken) => void
  private readonly waiting = new Map<number, (again: boolean) => void>()
  // Not from 0: see `Parking`.
  private ticket = (Math.random() * 2 ** 31) | 0

  constructor(
    invoker: Invoker,
    tasks: KeyedTasks,
    custody: Custody | undefined,
    reporting: Reporting,
    gate: Gate | undefined,
    onDone: (taken: Taken) => void
  ) {
    this.invoker = invoker
    this.tasks = tasks
    this.custody = custody
    this.reporting = reporting
    this.gate = gate
    this.onDone = onDone
  }

  /** Takes something on, to be done after what came before it of its key. */
  add(
    key: number,
    taken: Taken,
    work: (emission: Emission | undefined) => Effect.Effect<void, unknown> | undefined
  ): undefined {
    const emission = this.invoker.begin()
    const done = (): undefined => void this.onDone(taken)
    const go = (): undefined => {
      if (this.gate?.holds(key, go) === true) return
      this.tasks.add(key, () => {
        const effect = work(emission)
        return effect === undefined ? done() : Effect.andThen(effect, Effect.sync(done))
      })
    }
    return go()
  }

  /**
   * Handles a message: done when it returns undefined, or by the Effect that it returns. `allowed` is its own deadline,
   * or 0.
   */
  handle(
    message: unknown,
    context: string | undefined,
    allowed: number,
    taken: Taken,
    emission: Emission | undefined
  ): Effect.Effect<void, WorkerPanicked> | undefined {
    const { custody } = this
    let result: unknown
    custody?.mark(taken)
    this.invoker.allow(allowed)
    try {
      result = this.invoker.handle(message, emission)
    } catch (cause) {
      const error = this.invoker.errorOf("handle", cause)
      if (custody?.decides(error) !== true) {
        this.blame(message)
        throw cause
      }
      return this.decided(message, context, allowed, taken, emission, error)
    }
    if (!Effect.isEffect(result)) {
      this.succeeded(message)
      return undefined
    }
    const provided = this.invoker.provided(result, "handle", message, context, emission)
    if (custody === undefined) return provided
    return Effect.matchEffect(provided, {
      onFailure: (error) => {
        if (custody.decides(error)) return this.decided(message, context, allowed, taken, emission, error)
        custody.mark(taken)
        this.blame(message)
        return Effect.fail(error)
      },
      onSuccess: () => Effect.sync(() => this.succeeded(message))
    })
  }

  private blame(message: unknown): void {
    this.gate?.blame(() => this.invoker.hashOf(message))
  }

  private succeeded(message: unknown): void {
    const { gate, invoker } = this
    if (gate?.active === true) gate.succeeded(invoker.hashOf(message))
  }

  private decided(
    message: unknown,
    context: string | undefined,
    allowed: number,
    taken: Taken,
    emission: Emission | undefined,
    error: WorkerPanicked
  ): Effect.Effect<void, WorkerPanicked> {
    const key = this.invoker.hashOf(message)
    const verdict = Effect.callback<boolean>((resume) => {
      this.ticket = (this.ticket + 1) | 0
      this.waiting.set(this.ticket, (again) => resume(Effect.succeed(again)))
      this.tasks.held = this.waiting.size
      const { groupSince, since } = this.gate?.failed(key) ?? { groupSince: 0, since: 0 }
      const group = this.gate?.groupOf(key) ?? everyGroup
      this.reporting.failed(this.ticket, { ...placeOf(taken), size: 0, group, since, groupSince, error })
    })
    return Effect.flatMap(verdict, (again) => {
      this.gate?.decided(key, again)
      if (again) return this.handle(message, context, allowed, taken, emission) ?? Effect.void
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
