/**
 * How a worker answers requests, its owner's own about its state among them.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { WorkerPanicked } from "../errors/Errors.ts"
import type { Emission } from "./Emit.ts"
import { ReplyStatus } from "./Envelope.ts"
import { deadlinePhase, type Invoker } from "./Invoker.ts"
import * as Moving from "./Moving.ts"
import { Panic, panicked } from "./Panic.ts"
import type { Replier } from "./Replier.ts"
import type { Streaming } from "./Streaming.ts"
import type * as Wire from "./Wire.ts"

/**
 * @category models
 * @since 0.1.0
 */
export class Answering {
  private readonly invoker: Invoker
  private readonly replier: Replier
  private readonly streaming: Streaming | undefined
  private readonly settled: number | undefined
  private readonly millis: ReadonlyArray<number>
  private readonly onPanic: () => void

  /**
   * @param streaming undefined if no request of the contract streams
   * @param settled the last request that a former life left unanswered
   * @param millis deadlines of requests that have their own, by their index
   * @param onPanic told when whoever asked was told of a panic, before the worker ends of it
   */
  constructor(
    invoker: Invoker,
    replier: Replier,
    streaming: Streaming | undefined,
    settled: number | undefined,
    millis: ReadonlyArray<number>,
    onPanic: () => void
  ) {
    this.invoker = invoker
    this.replier = replier
    this.streaming = streaming
    this.settled = settled
    this.millis = millis
    this.onPanic = onPanic
  }

  /** Whether whoever asked was told that it failed, with a former life: it must not be done behind their back. */
  private isSettled(id: number): boolean {
    return this.settled !== undefined && ((id - this.settled) | 0) <= 0
  }

  /** Hands state out, or takes it in. */
  move(id: number, wire: Wire.RequestWire, extract: boolean, payload: () => unknown): void {
    if (this.isSettled(id)) return
    const { implementation, state } = this.invoker
    try {
      const answer = Moving.run(implementation.handlers, state, extract, payload())
      this.replier.answer(id, ReplyStatus.Success, wire.success, answer, wire.tag)
    } catch (cause) {
      throw this.failed(id, panicked(this.invoker.workerId, wire.tag.slice(1), cause))
    }
  }

  /** Answers a request: at once with undefined, or by the Effect that it returns. */
  answer(
    id: number,
    wire: Wire.RequestWire,
    payload: unknown,
    context: string | undefined,
    emission?: Emission
  ): Effect.Effect<void, WorkerPanicked> | undefined {
    if (this.isSettled(id)) return undefined
    const { invoker, replier } = this
    let answer: unknown
    invoker.allow(this.millis[wire.index] ?? 0)
    try {
      answer = invoker.request(wire.tag, payload, emission)
      if (!Effect.isEffect(answer) && !wire.streaming) invoker.emitted(emission)
    } catch (cause) {
      invoker.unemitted(emission)
      throw this.failed(id, panicked(invoker.workerId, wire.tag, cause))
    }
    if (wire.streaming && Stream.isStream(answer)) {
      const parts = this.streaming!.run(id, answer as Stream.Stream<unknown, unknown>, (elements) => {
        replier.answer(id, ReplyStatus.Chunk, wire.success, elements, wire.tag)
        return replier.flush
      })
      return this.settle(id, wire, parts, context, emission, () => replier.end(id))
    }
    if (Effect.isEffect(answer)) {
      return this.settle(id, wire, answer as Effect.Effect<unknown, unknown>, context, emission, (value) =>
        replier.answer(id, ReplyStatus.Success, wire.success, value, wire.tag)
      )
    }
    replier.answer(id, ReplyStatus.Success, wire.success, answer, wire.tag)
    return undefined
  }

  private settle<A>(
    id: number,
    wire: Wire.RequestWire,
    effect: Effect.Effect<A, unknown>,
    context: string | undefined,
    emission: Emission | undefined,
    succeed: (value: A) => void
  ): Effect.Effect<void, WorkerPanicked> {
    const { invoker, replier } = this
    const timed = invoker.timed(invoker.inContext(effect, undefined, context), wire.tag)
    const emitted = !invoker.emits
      ? timed
      : Effect.map(timed, (value) => {
          invoker.emitted(emission)
          return value
        })
    return Effect.flatMap(Effect.exit(emitted), (exit) => {
      if (Exit.isSuccess(exit)) {
        succeed(exit.value)
        return Effect.void
      }
      invoker.unemitted(emission)
      // A declared error goes to whoever asked; anything else is a panic, theirs and the worker's.
      const error = Cause.findError(exit.cause)
      if (Result.isSuccess(error) && error.success instanceof WorkerPanicked && error.success.phase === deadlinePhase) {
        replier.panic(id, error.success)
        return Effect.void
      }
      if (Result.isSuccess(error) && wire.error !== undefined) {
        replier.answer(id, ReplyStatus.Failure, wire.error, error.success, wire.tag)
        return Effect.void
      }
      return Effect.fail(this.failed(id, panicked(invoker.workerId, wire.tag, Cause.squash(exit.cause))).error)
    })
  }

  private failed(id: number, error: WorkerPanicked): Panic {
    this.replier.panic(id, error)
    this.replier.publish()
    this.onPanic()
    return new Panic(error)
  }
}
