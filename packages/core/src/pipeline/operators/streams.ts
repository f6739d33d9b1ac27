/**
 * The stage of a function on `Stream`. The function's stream pulls batches; a batch counts as
 * handled when the next is pulled, or when the stream has ended, so watermarks stay behind the
 * elements that they follow.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import type { PipelineFailed } from "../PipelineFailed.ts"
import { noTime, type Operator, type OperatorContext, type Work } from "../Operator.ts"

type Elements = readonly [unknown, ...Array<unknown>]

export class StreamOperator implements Operator {
  private readonly context: OperatorContext
  private readonly f: (elements: Stream.Stream<unknown>) => Stream.Stream<unknown, unknown>
  /** Completed by whoever has the next batch, or the end. */
  private next = Deferred.makeUnsafe<Elements, Cause.Done>()
  /** Completed when the stream wants more, or is over. */
  private handled: Deferred.Deferred<void, PipelineFailed> | undefined
  private ended: Exit.Exit<void, PipelineFailed> | undefined
  private started = false
  private time = noTime

  constructor(context: OperatorContext, f: (elements: Stream.Stream<unknown>) => Stream.Stream<unknown, unknown>) {
    this.context = context
    this.f = f
  }

  private readonly pull = Effect.suspend(() => {
    this.settle(Exit.void)
    return Effect.map(Deferred.await(this.next), (elements) => {
      this.next = Deferred.makeUnsafe()
      return elements
    })
  })

  private settle(exit: Exit.Exit<void, PipelineFailed>): void {
    const { handled } = this
    this.handled = undefined
    if (handled !== undefined) Deferred.doneUnsafe(handled, exit)
  }

  private readonly start = Effect.suspend(() => {
    this.started = true
    const { context } = this
    const { faults, out, scope } = context
    const elements = Stream.fromPull(Effect.succeed(this.pull))
    const run = Stream.runForEachArray(this.f(elements), (made) =>
      Effect.sync(() => {
        for (const value of made) out.emit(value, this.time)
      })
    )
    const life = Effect.onExit(Effect.provideContext(run, context.context), (exit) =>
      Effect.sync(() => {
        this.ended = Exit.isSuccess(exit) ? Exit.void : Exit.fail(faults.failure("stream", Cause.squash(exit.cause)))
        this.settle(this.ended)
      })
    )
    return Effect.forkIn(Effect.exit(life), scope)
  })

  /** Hands something over, and waits until it was handled. */
  private give(exit: Exit.Exit<Elements, Cause.Done>): Effect.Effect<void, PipelineFailed> {
    return Effect.suspend((): Effect.Effect<void, PipelineFailed> => {
      if (this.ended !== undefined) return this.ended
      const handled = (this.handled = Deferred.makeUnsafe<void, PipelineFailed>())
      const wait = Deferred.await(handled)
      if (this.started) {
        Deferred.doneUnsafe(this.next, exit)
        return wait
      }
      // The first pull settles what waits: that it began. The batch follows.
      return Effect.flatMap(this.start, () => Effect.andThen(wait, this.give(exit)))
    })
  }

  onBatch(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>): Work {
    return Effect.suspend(() => {
      this.time = times[times.length - 1]
      return this.give(Exit.succeed(values as Elements))
    })
  }

  onWatermark(time: number): Work {
    if (time < Infinity) {
      this.context.out.watermark = time
      return undefined
    }
    return Effect.map(this.give(Exit.fail(Cause.Done())), () => {
      this.context.out.watermark = time
    })
  }
}
