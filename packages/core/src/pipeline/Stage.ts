/**
 * Stages as values: a name, a schema for what goes in and for what comes out, and what happens in
 * between. A stage never names a thread; how often and where it runs is said where it is composed.
 *
 * @since 0.1.0
 */
import type { Input as DurationInput } from "effect/Duration"
import type * as Cause from "effect/Cause"
import type * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import type * as Stream from "effect/Stream"
import { atLeastOne, duration, longerThanNone, number } from "./checks.ts"
import type { Node } from "./Graph.ts"
import { EffectOperator, type EffectSettings } from "./operators/effects.ts"
import { FilterMapOperator, FilterOperator, FlatMapOperator, MapOperator } from "./operators/elements.ts"
import { StreamOperator } from "./operators/streams.ts"
import { type Stage, stageNode, type StageOptions } from "./StageNode.ts"

export { combine, Combined } from "./combineStage.ts"
export { process, type ProcessContext, window } from "./keyedStages.ts"
export type { KeyedStage, Stage, StageOptions } from "./StageNode.ts"

const stage = <In, Out, R, Side = {}>(value: Node): Stage<In, Out, R, Side> => ({ keyed: false, node: value })

/**
 * One element out for each one in.
 *
 * @category constructors
 * @since 0.1.0
 */
export const map = <In, Out>(
  name: string,
  options: StageOptions<In, Out> & { readonly run: (element: In) => Out }
): Stage<In, Out> =>
  stage(stageNode(name, "map", options, (context) => new MapOperator(context, options.run as Untyped)))

/**
 * The elements that `run` is true for.
 *
 * @category constructors
 * @since 0.1.0
 */
export const filter = <A>(
  name: string,
  options: Omit<StageOptions<A, A>, "out"> & { readonly run: (element: A) => boolean }
): Stage<A, A> =>
  stage(
    stageNode(
      name,
      "filter",
      { ...options, out: options.in },
      (context) => new FilterOperator(context, options.run as (element: unknown) => boolean)
    )
  )

/**
 * What `run` makes of elements; those that it makes `undefined` of are left out.
 *
 * @category constructors
 * @since 0.1.0
 */
export const filterMap = <In, Out>(
  name: string,
  options: StageOptions<In, Out> & { readonly run: (element: In) => Out | undefined }
): Stage<In, Out> =>
  stage(stageNode(name, "filterMap", options, (context) => new FilterMapOperator(context, options.run as Untyped)))

/**
 * Any number of elements out for each one in, in order.
 *
 * @category constructors
 * @since 0.1.0
 */
export const flatMap = <In, Out>(
  name: string,
  options: StageOptions<In, Out> & { readonly run: (element: In) => Iterable<Out> }
): Stage<In, Out> =>
  stage(
    stageNode(
      name,
      "flatMap",
      options,
      (context) => new FlatMapOperator(context, options.run as (element: unknown) => Iterable<unknown>)
    )
  )

/**
 * One Effect for each element: asynchronous I/O. At most `concurrency` (1) run at once, and those
 * of one batch are done before the next begins. Results come in the order of the elements, or as
 * they are done if `ordered` is false. An attempt that takes longer than `timeout` has failed.
 *
 * A failure is tried again at once, `retries` times, or as the schedule `retry` says, if there is one; a
 * defect is not.
 *
 * @category constructors
 * @since 0.1.0
 */
export const mapEffect = <In, Out, E, R>(
  name: string,
  options: StageOptions<In, Out> & {
    readonly run: (element: In) => Effect.Effect<Out, E, R>
    readonly concurrency?: number | undefined
    readonly ordered?: boolean | undefined
    readonly timeout?: DurationInput | undefined
    readonly retry?: Schedule.Schedule<unknown, E | Cause.TimeoutError> | undefined
  }
): Stage<In, Out, R> => {
  const { concurrency = 1, ordered = true, timeout } = options
  // Given what attempts fail with, which nobody can name here.
  const retry = options.retry as Schedule.Schedule<unknown, unknown> | undefined
  const settings: EffectSettings = { concurrency, ordered, timeout, retry }
  const faults = [
    ...number(`${name}.concurrency`, concurrency, atLeastOne),
    ...duration(`${name}.timeout`, timeout ?? Infinity, longerThanNone)
  ]
  const run = options.run as unknown as (element: unknown) => Effect.Effect<unknown, unknown>
  return stage(
    stageNode(name, "mapEffect", options, (context) => new EffectOperator(context, run, settings), { faults })
  )
}

/**
 * A function on `Stream`. What it emits while it works on a batch has the time of the batch's last
 * element; what it emits later goes out with the next batch, or at the end.
 *
 * @category constructors
 * @since 0.1.0
 */
export const stream = <In, Out, E, R>(
  name: string,
  options: Omit<StageOptions<In, Out>, "retries" | "onError"> & {
    readonly run: (elements: Stream.Stream<In>) => Stream.Stream<Out, E, R>
  }
): Stage<In, Out, R> => {
  const run = options.run as unknown as (elements: Stream.Stream<unknown>) => Stream.Stream<unknown, unknown>
  return stage(stageNode(name, "stream", options, (context) => new StreamOperator(context, run)))
}

type Untyped = (element: unknown) => unknown
