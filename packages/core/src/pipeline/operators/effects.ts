/**
 * The stage of Effects: a batch at a time, bounded, ordered or not, with timeout and retries.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type { Input as DurationInput } from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import type { PipelineFailed } from "../PipelineFailed.ts"
import type { Operator, OperatorContext, Work } from "../Operator.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface EffectSettings {
  readonly concurrency: number
  readonly ordered: boolean
  readonly timeout: DurationInput | undefined
  readonly retry: Schedule.Schedule<unknown, unknown> | undefined
}

const nothing: unique symbol = Symbol("nothing")

export class EffectOperator implements Operator {
  private readonly context: OperatorContext
  private readonly f: (element: unknown) => Effect.Effect<unknown, unknown>
  private readonly settings: EffectSettings

  constructor(
    context: OperatorContext,
    f: (element: unknown) => Effect.Effect<unknown, unknown>,
    settings: EffectSettings
  ) {
    this.context = context
    this.f = f
    this.settings = settings
  }

  onBatch(values: ReadonlyArray<unknown>, times: ReadonlyArray<number>): Work {
    const { context, settings } = this
    const { out } = context
    const results = settings.ordered ? new Array<unknown>(values.length).fill(nothing) : undefined
    const one = (value: unknown, index: number): Effect.Effect<void, PipelineFailed> =>
      Effect.matchCauseEffect(this.attempt(value), {
        onSuccess: (result) =>
          Effect.sync(() => {
            if (results === undefined) out.emit(result, times[index])
            else results[index] = result
          }),
        onFailure: (cause) => {
          if (Cause.hasInterrupts(cause)) return Effect.interrupt
          return Effect.try({
            try: () => context.faults.handle("element", Cause.squash(cause), value, times[index]),
            catch: (failure) => failure as PipelineFailed
          })
        }
      })
    const all = Effect.forEach(values, one, { concurrency: settings.concurrency, discard: true })
    const done =
      results === undefined
        ? all
        : Effect.map(all, () => {
            for (let i = 0; i < results.length; i++) if (results[i] !== nothing) out.emit(results[i], times[i])
          })
    return Effect.provideContext(done, context.context)
  }

  private attempt(value: unknown): Effect.Effect<unknown, unknown> {
    const { context, settings } = this
    const once = Effect.suspend(() => this.f(value))
    const timed = settings.timeout === undefined ? once : Effect.timeout(once, settings.timeout)
    if (settings.retry !== undefined) return Effect.retry(timed, settings.retry)
    return context.faults.retries === 0 ? timed : Effect.retry(timed, { times: context.faults.retries })
  }

  onWatermark(time: number): Work {
    this.context.out.watermark = time
    return undefined
  }
}
