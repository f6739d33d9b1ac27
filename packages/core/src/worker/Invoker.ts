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
import { type Emit, Emission, type Emitter, emitNothing } from "./Emit.ts"
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
  /** The deadline of what is handled next, in milliseconds; 0 if it has none of its own. */
  allowed = 0
  private shown = 0
  /** Since when handlers are past their deadline, the oldest first. */
  private readonly late: Array<number> = []
  private readonly key: (message: unknown) => Key
  private readonly emitter: Emitter | undefined
  /** For handlers that run one at a time; undefined if they emit nothing. */
  private readonly emission: Emission | undefined

  /**
   * @param deadlineMillis how long one message may take; 0 is for ever
   * @param emitter undefined if the contract has no output
   */
  constructor(
    implementation: AnyImplementation,
    workerId: string,
    state: unknown,
    context: Context.Context<never>,
    control: ControlBlock,
    deadlineMillis: number,
    emitter: Emitter | undefined
  ) {
    this.implementation = implementation
    this.workerId = workerId
    this.state = state
    this.context = context
    this.control = control
    this.deadlineMillis = deadlineMillis
    this.key = implementation.contract.key
    this.emitter = emitter
    this.emission = emitter === undefined ? undefined : new Emission(emitter)
  }

  /** Whether the contract has an output. */
  get emits(): boolean {
    return this.emitter !== undefined
  }

  /** For a handler that runs beside others; undefined if it emits nothing. */
  begin(): Emission | undefined {
    return this.emitter === undefined ? undefined : new Emission(this.emitter)
  }

  /** Whether messages are handled in batches. */
  get batches(): boolean {
    return this.implementation.handlers.handleBatch !== undefined
  }

  /** What is handled next has a deadline of its own, in milliseconds; 0 if it has none. */
  allow(millis: number): void {
    this.allowed = millis
    this.show(millis)
  }

  /** What is in hand together has as long as what has longest. */
  allowAll(all: Iterable<number>): void {
    let longest = 0
    for (const millis of all) longest = Math.max(longest, millis === 0 ? this.deadlineMillis : millis)
    this.show(longest === Infinity ? 0 : longest)
  }

  private show(millis: number): void {
    if (millis === this.shown) return
    this.shown = millis
    this.control.allowed = millis
  }

  /** Handles one message: done when it returns, unless it returns an Effect. Throws a `Panic`. */
  handle(message: unknown, emission = this.emission): unknown {
    const { handle } = this.implementation.handlers
    if (handle === undefined) {
      throw new Panic(panicked(this.workerId, "handle", "it was sent a message and has neither handle nor handleBatch"))
    }
    try {
      const result = handle(this.state, message, emission === undefined ? emitNothing : emission.begin())
      if (emission !== undefined && !Effect.isEffect(result)) this.emitter!.commit(emission)
      return result
    } catch (cause) {
      emission?.end()
      throw new Panic(panicked(this.workerId, "handle", cause, this.nameOf(message)))
    }
  }

  handleBatch(messages: ReadonlyArray<unknown>): Effect.Effect<void, WorkerPanicked> | undefined {
    return this.called("handleBatch", () => this.implementation.handlers.handleBatch!(this.state, messages, this.emit))
  }

  tick(): Effect.Effect<void, WorkerPanicked> | undefined {
    return this.called("tick", () => this.implementation.handlers.tick!.run(this.state, this.emit))
  }

  readonly shutdown: Effect.Effect<void, WorkerPanicked> = Effect.suspend(() => {
    const { shutdown } = this.implementation.handlers
    if (shutdown === undefined) return Effect.void
    try {
      return this.called("shutdown", () => shutdown(this.state, this.emit)) ?? Effect.void
    } catch (cause) {
      return Effect.fail(this.errorOf("shutdown", cause))
    }
  })

  private get emit(): Emit<unknown> {
    return this.emission === undefined ? emitNothing : this.emission.begin()
  }

  private called(phase: string, call: () => unknown): Effect.Effect<void, WorkerPanicked> | undefined {
    let result: unknown
    try {
      result = call()
      if (this.emission !== undefined && !Effect.isEffect(result)) this.emitter!.commit(this.emission)
    } catch (cause) {
      this.emission?.end()
      throw new Panic(panicked(this.workerId, phase, cause))
    }
    return Effect.isEffect(result) ? this.provided(result, phase) : undefined
  }

  /**
   * Answers a request: by the value that it returns, or by an Effect or a Stream. Throws what the
   * handler throws.
   */
  request(tag: string, payload: unknown, emission = this.emission): unknown {
    return this.implementation.requests[tag](
      this.state,
      payload,
      emission === undefined ? emitNothing : emission.begin()
    )
  }

  /** A request's handler has done its work. Throws if an output does not fit its schema. */
  emitted(emission = this.emission): void {
    if (emission !== undefined) this.emitter!.commit(emission)
  }

  /** A request's handler has failed. */
  unemitted(emission = this.emission): void {
    emission?.end()
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

  /** The key of a message, if it is not past computing: the message may be what failed. */
  keyOf(message: unknown): Key | undefined {
    try {
      return this.key(message)
    } catch {
      return undefined
    }
  }

  private nameOf(message: unknown): string | undefined {
    try {
      return String(this.key(message))
    } catch {
      return undefined
    }
  }

  /** An Effect of a handler, whose every failure is a panic. */
  provided(
    effect: Effect.Effect<unknown, unknown, unknown>,
    phase: string,
    message?: unknown,
    context?: string,
    emission = this.emission
  ): Effect.Effect<void, WorkerPanicked> {
    const key = message === undefined ? undefined : this.nameOf(message)
    const inContext = this.inContext(effect, key, context)
    const timed = phase.startsWith("handle") ? this.timed(inContext, phase, key) : inContext
    return Effect.catchCause(
      emission === undefined ? Effect.asVoid(timed) : Effect.map(timed, () => this.emitter!.commit(emission)),
      (cause): Effect.Effect<never, WorkerPanicked> => {
        emission?.end()
        return Cause.hasInterruptsOnly(cause)
          ? Effect.interrupt
          : Effect.fail(panicked(this.workerId, phase, Cause.squash(cause), key))
      }
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
    const { control } = this
    const deadlineMillis = this.allowed === 0 ? this.deadlineMillis : this.allowed
    if (deadlineMillis === 0 || deadlineMillis === Infinity) return effect
    let since = 0
    const overdue = Effect.flatMap(Effect.sleep(deadlineMillis), () => {
      since = Date.now() | 0 || 1
      this.late.push(since)
      control.late = this.late[0]
      return Effect.fail(panicked(this.workerId, deadlinePhase, `${phase} took longer than ${deadlineMillis} ms`, key))
    })
    return Effect.ensuring(
      Effect.raceFirst(effect, overdue),
      Effect.sync(() => {
        if (since === 0) return
        this.late.splice(this.late.indexOf(since), 1)
        control.late = this.late[0] ?? 0
      })
    )
  }
}
