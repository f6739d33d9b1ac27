/**
 * Runs a worker's handlers: in the context that they were made in and that their caller sent, within
 * the deadline, and with whatever they throw made a panic that names worker, phase and key.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { WorkerPanicked } from "../errors/Errors.ts"
import * as KeyHash from "../partition/KeyHash.ts"
import type { ControlBlock } from "../ring/ControlBlock.ts"
import * as CallerContext from "./CallerContext.ts"
import { Panic, panicked } from "./Panic.ts"
import type { AnyImplementation, Key } from "./Worker.ts"

/**
 * Phase of the error of a message that took too long.
 *
 * @category constants
 * @since 0.1.0
 */
export const deadlinePhase = "deadline"

/**
 * @category models
 * @since 0.1.0
 */
export class Invoker {
  readonly implementation: AnyImplementation
  readonly workerId: string
  readonly state: unknown
  private readonly context: Context.Context<never>
  private readonly control: ControlBlock
  private readonly deadlineMillis: number
  private readonly key: (message: unknown) => Key

  /** @param deadlineMillis how long one message may take; 0 is for ever */
  constructor(
    implementation: AnyImplementation,
    workerId: string,
    state: unknown,
    context: Context.Context<never>,
    control: ControlBlock,
    deadlineMillis: number
  ) {
    this.implementation = implementation
    this.workerId = workerId
    this.state = state
    this.context = context
    this.control = control
    this.deadlineMillis = deadlineMillis
    this.key = implementation.contract.key
  }

  /** Handles one message: done when it returns, unless it returns an Effect. Throws a `Panic`. */
  handle(message: unknown): unknown {
    const { handle } = this.implementation.handlers
    if (handle === undefined) {
      throw new Panic(panicked(this.workerId, "handle", "it was sent a message and has neither handle nor handleBatch"))
    }
    try {
      return handle(this.state, message)
    } catch (cause) {
      throw new Panic(panicked(this.workerId, "handle", cause, this.keyOf(message)))
    }
  }

  handleBatch(messages: ReadonlyArray<unknown>): Effect.Effect<void, WorkerPanicked> | undefined {
    return this.called("handleBatch", () => this.implementation.handlers.handleBatch!(this.state, messages))
  }

  tick(): Effect.Effect<void, WorkerPanicked> | undefined {
    return this.called("tick", () => this.implementation.handlers.tick!.run(this.state))
  }

  readonly shutdown: Effect.Effect<void, WorkerPanicked> = Effect.suspend(() => {
    const { shutdown } = this.implementation.handlers
    if (shutdown === undefined) return Effect.void
    try {
      return this.called("shutdown", () => shutdown(this.state)) ?? Effect.void
    } catch (cause) {
      return Effect.fail(this.errorOf("shutdown", cause))
    }
  })

  private called(phase: string, call: () => unknown): Effect.Effect<void, WorkerPanicked> | undefined {
    let result: unknown
    try {
      result = call()
    } catch (cause) {
      throw new Panic(panicked(this.workerId, phase, cause))
    }
    return Effect.isEffect(result) ? this.provided(result, phase) : undefined
  }

  /** The error of what was thrown. */
  errorOf(phase: string, cause: unknown): WorkerPanicked {
    return cause instanceof Panic ? cause.error : panicked(this.workerId, phase, cause)
  }

  /** The hash of a message's key. Throws a `Panic`. */
  hashOf(message: unknown): number {
    let key: Key
    try {
      key = this.key(message)
    } catch (cause) {
      throw new Panic(panicked(this.workerId, "key", cause))
    }
    return KeyHash.of(key)
  }

  private keyOf(message: unknown): string | undefined {
    try {
      return String(this.key(message))
    } catch {
      // The message may be what it panics of: its key may be past computing.
      return undefined
    }
  }

  /** An Effect of a handler, whose every failure is a panic. */
  provided(
    effect: Effect.Effect<unknown, unknown, unknown>,
    phase: string,
    message?: unknown,
    context?: string
  ): Effect.Effect<void, WorkerPanicked> {
    const key = message === undefined ? undefined : this.keyOf(message)
    const inContext = this.inContext(effect, key, context)
    return Effect.catchCause(
      Effect.asVoid(phase.startsWith("handle") ? this.timed(inContext, phase, key) : inContext),
      (cause): Effect.Effect<never, WorkerPanicked> =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.interrupt
          : Effect.fail(panicked(this.workerId, phase, Cause.squash(cause), key))
    )
  }

  inContext<A>(
    effect: Effect.Effect<A, unknown, unknown>,
    key: string | undefined,
    context: string | undefined
  ): Effect.Effect<A, unknown> {
    const annotated = Effect.annotateLogs(
      effect as Effect.Effect<A, unknown>,
      key === undefined ? { worker: this.workerId } : { worker: this.workerId, key }
    )
    const called = context === undefined ? annotated : CallerContext.provide(annotated, context)
    // Outermost: a span or annotations that the worker was started under would hide the message's own.
    return Effect.provideContext(called, this.context)
  }

  /** Interrupts an Effect that takes longer than the deadline, and fails then. */
  timed<A>(effect: Effect.Effect<A, unknown>, phase: string, key?: string): Effect.Effect<A, unknown> {
    const { control, deadlineMillis } = this
    if (deadlineMillis === 0) return effect
    let late = false
    const overdue = Effect.flatMap(Effect.sleep(deadlineMillis), () => {
      late = true
      control.late += 1
      return Effect.fail(panicked(this.workerId, deadlinePhase, `${phase} took longer than ${deadlineMillis} ms`, key))
    })
    return Effect.ensuring(
      Effect.raceFirst(effect, overdue),
      Effect.sync(() => {
        if (late) control.late -= 1
      })
    )
  }
}
