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
import type { Handed, Reporting } from "./Reporting.ts"
import { everyGroup } from "./Safeguard.ts"

type Decision = "again" | "give up" | "hand over"

/** A message that failed, and waits for its owner. */
interface Waiting {
  readonly key: number
  readonly resume: (decision: Decision) => void
}

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
  private readonly onTold: (taken: Taken) => void
  private readonly waiting = new Map<number, Waiting>()
  /** What runs, and how long each may take, or 0. */
  private readonly inHand = new Map<Taken, number>()
  /** Whether the owner sees something else in hand. */
  private hidden = true
  /** What its owner sees to from now on. */
  private readonly told = new Set<Taken>()
  // Not from 0: see `Parking`.
  private ticket = (Math.random() * 2 ** 31) | 0

  constructor(
    invoker: Invoker,
    tasks: KeyedTasks,
    custody: Custody | undefined,
    reporting: Reporting,
    gate: Gate | undefined,
    onDone: (taken: Taken) => void,
    onTold: (taken: Taken) => void
  ) {
    this.invoker = invoker
    this.tasks = tasks
    this.custody = custody
    this.reporting = reporting
    this.gate = gate
    this.onDone = onDone
    this.onTold = onTold
  }

  /** Takes something on, to be done after what came before it of its key. */
  add(
    key: number,
    taken: Taken,
    what: Handed,
    work: (emission: Emission | undefined) => Effect.Effect<void, unknown> | undefined
  ): undefined {
    const emission = this.invoker.begin()
    this.hidden = true
    const end = (): undefined => {
      this.putDown(taken)
      if (this.told.delete(taken)) this.onTold(taken)
      else this.onDone(taken)
    }
    const go = (): undefined => {
      const { gate } = this
      if (gate?.leaves(key) !== true && gate?.holds(key, "message" in what, go) === true) return
      this.tasks.add(key, () => {
        if (this.gate?.leaves(key) === true) this.give(taken, what)
        else {
          const effect = work(emission)
          if (effect !== undefined) {
            this.takeUp(taken)
            return Effect.map(effect, end)
          }
        }
        return end()
      })
    }
    return go()
  }

  /** Hands all that it has of key groups over to its owner, and what comes from now on. */
  handOver(groups: ReadonlySet<number>): void {
    const gate = this.gate!
    gate.handOver(groups)
    for (const [ticket, { key, resume }] of this.waiting) {
      if (!groups.has(gate.groupOf(key))) continue
      this.waiting.delete(ticket)
      resume("hand over")
    }
    this.tasks.held = this.waiting.size
  }

  /** Whether something of key groups is not done. */
  has(groups: ReadonlySet<number>): boolean {
    return this.tasks.has((key) => groups.has(this.gate!.groupOf(key as number)))
  }

  private give(taken: Taken, what: Handed): void {
    this.told.add(taken)
    this.reporting.handed(placeOf(taken), what)
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

  private takeUp(taken: Taken): void {
    this.inHand.set(taken, this.invoker.allowed)
    this.hidden = true
  }

  private putDown(taken: Taken): void {
    this.inHand.delete(taken)
    this.hidden = true
  }

  /**
   * Lets the owner see what runs: whom an end can be put down to, if that is one alone. False if nothing does, or it is
   * known already what the end is put down to.
   */
  show(): boolean {
    if (this.inHand.size === 0) return false
    if (!this.hidden || this.tasks.failure !== undefined) return true
    this.hidden = false
    this.invoker.allowAll(this.inHand.values())
    this.custody?.hold(this.inHand)
    return true
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
    const decision = Effect.callback<Decision>((resume) => {
      this.ticket = (this.ticket + 1) | 0
      this.waiting.set(this.ticket, { key, resume: (decision) => resume(Effect.succeed(decision)) })
      this.tasks.held = this.waiting.size
      this.putDown(taken)
      const { groupSince, since } = this.gate?.failed(key) ?? { groupSince: 0, since: 0 }
      const group = this.gate?.groupOf(key) ?? everyGroup
      const failure = { ...placeOf(taken), size: 0, group, since, groupSince, error }
      this.reporting.failed(this.ticket, failure, { message, allowed, context })
    })
    return Effect.flatMap(decision, (decision) => {
      this.gate?.decided(key, decision !== "give up")
      if (decision === "again") {
        const effect = this.handle(message, context, allowed, taken, emission)
        if (effect === undefined) return Effect.void
        this.takeUp(taken)
        return effect
      }
      if (decision === "hand over") this.give(taken, { message, allowed, context })
      else {
        this.told.add(taken)
        this.reporting.dead(placeOf(taken), () => message)
      }
      return Effect.void
    })
  }

  /** Does what the owner decided. */
  decide(ticket: number, again: boolean): undefined {
    const waiting = this.waiting.get(ticket)
    this.waiting.delete(ticket)
    this.tasks.held = this.waiting.size
    waiting?.resume(again ? "again" : "give up")
  }
}
