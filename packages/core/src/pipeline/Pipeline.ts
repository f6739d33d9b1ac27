/**
 * Dataflows of stages on every core, as values.
 *
 * ```ts
 * lines.pipe(
 *   Pipeline.via(Parse, { parallelism: 2 }),
 *   Pipeline.keyBy((event) => event.origin),
 *   Pipeline.via(DelayByWindow, { parallelism: 4 }),
 *   Stream.runForEach(print)
 * )
 * ```
 *
 * A pipeline is a `Stream` of what comes out of its last stage, and nothing runs until that is run.
 * It runs on fibers unless a Layer puts it on threads; there it has to be found by them, so it is
 * made by `define` in a module that they import.
 *
 * - **Ordering**: elements of one subtask reach one subtask of the next stage in order, so those of
 *   one key stay in order from one `keyBy` to the next. `rebalance` keeps no order between batches.
 * - **Blocking**: all edges are bounded; what is slow slows its sources down.
 * - **Closing**: ends when its sources have ended and everything came out; fails when a stage fails.
 *
 * @since 0.1.0
 */
import type { Input as DurationInput } from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { InvalidConfig } from "../errors/Errors.ts"
import { millisOf } from "../errors/Options.ts"
import type { HashKey } from "../partition/KeyHash.ts"
import type { Supervision } from "../supervision/Supervision.ts"
import { atLeastNoneFinite, duration, longerThanNone } from "./checks.ts"
import { deadOutput, erase, type Fault, type Node, node, type Place, type Route } from "./Graph.ts"
import { FilterOperator, SplitOperator, TapOperator } from "./operators/elements.ts"
import { EventTimeOperator } from "./operators/time.ts"
import type { DeadLetter } from "./PipelineFailed.ts"
import { type Keyed, make, nodeOf, type Pipeline, type PipelineError, type Running, start } from "./PipelineStream.ts"
import type { KeyedStage, Stage } from "./StageNode.ts"
import * as Plan from "./plan/Plan.ts"
import * as explainPlan from "./plan/explain.ts"
import type { OnError, Operator, OperatorContext } from "./Operator.ts"

export { define, type Definition } from "./define.ts"
export type { OnError } from "./Operator.ts"
export { DeadLetter, PipelineFailed } from "./PipelineFailed.ts"
export type { Keyed, Pipeline, PipelineError, Running } from "./PipelineStream.ts"
export type { StageRates } from "./Rates.ts"
export { SubtaskStats } from "./runtime/SubtaskStats.ts"

/**
 * Where a stage runs.
 *
 * @category models
 * @since 0.1.0
 */
export interface Placing {
  /** How many subtasks it has; as many as the stage before it if absent. */
  readonly parallelism?: number | undefined
  /** Whether it never shares a subtask with the stage before it, nor a thread. */
  readonly disjoint?: boolean | undefined
}

/**
 * Sends elements through a stage. Stages of equal parallelism share a subtask where elements go
 * straight on; else batches go to the next stage's subtasks in turn, unless an edge is named.
 *
 * @category combinators
 * @since 0.1.0
 */
export const via: {
  <In, Out, R2, Side>(
    stage: Stage<In, Out, R2, Side>,
    placing?: Placing
  ): <E, R>(self: Stream.Stream<In, E, R>) => Pipeline<Out, E | PipelineError, R | R2, Side>
  <In, K, Out, R2, Side>(
    stage: KeyedStage<In, K, Out, R2, Side>,
    placing?: Placing
  ): <E, R>(self: Keyed<In, K & HashKey, E, R>) => Pipeline<Out, E | PipelineError, R | R2, Side>
} =
  (stage: { readonly node: Node }, placing: Placing = {}) =>
  <E, R>(self: Stream.Stream<unknown, E, R>): Pipeline<never, E | PipelineError, R, never> => {
    const [{ schema }] = stage.node.inputs
    return make({
      ...stage.node,
      inputs: [{ ...linkOf(self), schema }],
      parallelism: placing.parallelism,
      disjoint: placing.disjoint ?? false
    })
  }

/** The node of a stream or pipeline, with the edge that was named for it. */
const linkOf = (self: Stream.Stream<unknown, unknown, unknown>) => nodeOf(self)

const routed =
  (route: Route) =>
  <A, E, R, Side>(self: Stream.Stream<A, E, R> | Pipeline<A, E, R, Side>): Pipeline<A, E | PipelineError, R, Side> => {
    const { from, output } = linkOf(self)
    return make(from, { output, route })
  }

/**
 * Sends all elements of a key to one subtask of the next stage: by the hash of the key, or the one that
 * `place` gives for it, from 0. A place that there is not fails the pipeline.
 *
 * @category combinators
 * @since 0.1.0
 */
export const keyBy =
  <A, K extends HashKey>(
    key: (element: A) => K,
    { place }: { readonly place?: ((key: K, subtasks: number) => number) | undefined } = {}
  ) =>
  <E, R>(self: Stream.Stream<A, E, R>): Keyed<A, K, E | PipelineError, R> => {
    const of = key as (element: unknown) => HashKey
    const checked = (element: unknown): HashKey => {
      const k = of(element)
      // NaN equals nothing, itself neither: it cannot be found again.
      if (typeof k !== "string" && typeof k !== "bigint" && (typeof k !== "number" || k !== k)) {
        throw new TypeError(`a key is a string, a number or a bigint, and not ${String(k)}`)
      }
      return k
    }
    const { from, output } = linkOf(self)
    return make(from, { output, route: { _tag: "keyBy", key: checked, place: place as Place | undefined } })
  }

/**
 * Sends every element to every subtask of the next stage.
 *
 * @category combinators
 * @since 0.1.0
 */
export const broadcast = routed({ _tag: "broadcast" })

/**
 * Sends batches to the subtasks of the next stage in turn.
 *
 * @category combinators
 * @since 0.1.0
 */
export const rebalance = routed({ _tag: "rebalance" })

/**
 * Sends what comes out of subtask i to subtask i of the next stage, whose parallelism is the same.
 *
 * @category combinators
 * @since 0.1.0
 */
export const forward = routed({ _tag: "forward" })

/** A stage that gives what it takes. */
const same = <A, E, R>(
  self: Stream.Stream<A, E, R>,
  fields: {
    readonly name: string
    readonly kind: string
    readonly onError?: OnError | undefined
    readonly faults?: ReadonlyArray<Fault>
    readonly sides?: Node["sides"]
    readonly time?: Node["time"]
    readonly make: (context: OperatorContext) => Operator
  }
): Pipeline<A, E | PipelineError, R> => {
  const link = linkOf(self)
  const output = Plan.schemaOf(link.from, link.output)
  const { onError = "fail", ...rest } = fields
  return make(node({ ...rest, onError, inputs: [{ ...link, schema: output }], output }))
}

/**
 * Gives elements their event time, in milliseconds since the epoch. Elements may come out of order
 * by `outOfOrderness` (none if absent); one that comes later is late. A source that has nothing
 * for `idleAfter` of processing time holds event time back no longer.
 *
 * A time that is not a finite number makes an element one that the stage cannot handle.
 *
 * @category time
 * @since 0.1.0
 */
export const eventTime = <A>(
  timeOf: (element: A) => number,
  options: {
    readonly outOfOrderness?: DurationInput | undefined
    readonly idleAfter?: DurationInput | undefined
    readonly onError?: OnError | undefined
    /** `event time` if absent. */
    readonly name?: string | undefined
  } = {}
): (<E, R>(self: Stream.Stream<A, E, R>) => Pipeline<A, E | PipelineError, R>) => {
  const { idleAfter = Infinity, name = "event time", onError, outOfOrderness = 0 } = options
  const faults = [
    ...duration(`${name}.outOfOrderness`, outOfOrderness, atLeastNoneFinite),
    ...duration(`${name}.idleAfter`, idleAfter, longerThanNone)
  ]
  const of = timeOf as (element: unknown) => number
  return (self) =>
    same(self, {
      name,
      kind: "event time",
      time: "gives",
      onError,
      faults,
      make: (context) => new EventTimeOperator(context, of, millisOf(outOfOrderness), millisOf(idleAfter))
    })
}

/**
 * The elements that `keeps` is true for.
 *
 * @category combinators
 * @since 0.1.0
 */
export const filter =
  <A>(keeps: (element: A) => boolean, options: { readonly name?: string; readonly onError?: OnError } = {}) =>
  <E, R>(self: Stream.Stream<A, E, R>): Pipeline<A, E | PipelineError, R> =>
    same(self, {
      name: options.name ?? "filter",
      kind: "filter",
      onError: options.onError,
      make: (context) => new FilterOperator(context, keeps as (element: unknown) => boolean)
    })

/**
 * Parts elements in two: those that `matches` is true for go on, the others go to the side output
 * `rest`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const split =
  <A>(matches: (element: A) => boolean, options: { readonly name?: string; readonly onError?: OnError } = {}) =>
  <E, R>(self: Stream.Stream<A, E, R>): Pipeline<A, E | PipelineError, R, { readonly rest: A }> => {
    const { from, output } = linkOf(self)
    const schema = Plan.schemaOf(from, output)
    return same(self, {
      name: options.name ?? "split",
      kind: "split",
      onError: options.onError,
      sides: schema === undefined ? {} : { rest: schema },
      make: (context) => new SplitOperator(context, matches as (element: unknown) => boolean)
    }) as Pipeline<A, E | PipelineError, R, { readonly rest: A }>
  }

/**
 * Looks at each element on its way.
 *
 * @category combinators
 * @since 0.1.0
 */
export const tap =
  <A>(look: (element: A) => void, options: { readonly name?: string } = {}) =>
  <E, R>(self: Stream.Stream<A, E, R>): Pipeline<A, E | PipelineError, R> =>
    same(self, {
      name: options.name ?? "tap",
      kind: "tap",
      make: (context) => new TapOperator(context, look as (element: unknown) => void)
    })

/**
 * A side output of the last stage.
 *
 * @category combinators
 * @since 0.1.0
 */
export const side =
  <Side, Name extends keyof Side & string>(name: Name) =>
  <A, E, R>(self: Pipeline<A, E, R, Side>): Pipeline<Side[Name], E | PipelineError, R> =>
    make(linkOf(self).from, { output: name, route: undefined })

/**
 * What the last stage could not handle, where its policy is `deadLetter`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const deadLetters = <A, E, R, Side>(self: Pipeline<A, E, R, Side>): Pipeline<DeadLetter, E | PipelineError, R> =>
  make(linkOf(self).from, { output: deadOutput, route: undefined })

/**
 * Says what a stream consists of, so that it can cross threads without a stage before it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromStream =
  <A>(schema: Schema.Codec<A, unknown>, name = "stream") =>
  <E, R>(self: Stream.Stream<A, E, R>): Pipeline<A, E | PipelineError, R> =>
    make(
      node({
        name,
        kind: "stream",
        output: erase(schema),
        origin: { _tag: "Stream", stream: self as Stream.Stream<unknown, unknown, unknown> }
      })
    )

/**
 * Restarts workers that die, by a `Supervision`, instead of failing: whole pipelines only, after
 * `define`.
 *
 * A subtask's successor begins with its last snapshot, and reads again what was not in it; what had
 * not been saved was not sent on. So each element counts once, in every state and in the output, whoever
 * dies when; what an Effect does outside may happen twice. Stages of kind `stream` begin anew.
 * `snapshots` of `Supervision.restart` says how often large states are saved, in elements and time:
 * every 65,536 or 50 ms if absent. What is sent on waits for that.
 *
 * @category combinators
 * @since 0.1.0
 */
export const supervised =
  (supervision: Supervision) =>
  <A, E, R, Side>(self: Pipeline<A, E, R, Side>): Pipeline<A, E, R, Side> =>
    make(self.node, { output: self.output, route: self.route }, self.definedAs, supervision)

/**
 * The pipeline as nothing but a stream.
 *
 * @category converting
 * @since 0.1.0
 */
export const toStream = <A, E, R>(self: Pipeline<A, E, R>): Stream.Stream<A, E, R> =>
  Stream.unwrap(Effect.map(run(self), ({ output }) => output)) as Stream.Stream<A, E, R>

/**
 * Starts a pipeline, until the scope closes: its output, and live statistics of its subtasks.
 *
 * @category runners
 * @since 0.1.0
 */
export const run = <A, E, R, Side>(
  self: Pipeline<A, E, R, Side>
): Effect.Effect<Running<A, E>, PipelineError, R | Scope.Scope> => start(self)

/**
 * What runs, without running it: chains, parallelism, edges. `mermaid` for a diagram.
 *
 * @category converting
 * @since 0.1.0
 */
export const explain = <A, E, R, Side>(
  self: Pipeline<A, E, R, Side>,
  format: "text" | "mermaid" = "text"
): Effect.Effect<string, InvalidConfig> =>
  Effect.map(Effect.fromResult(Plan.make(self.node)), format === "text" ? explainPlan.text : explainPlan.mermaid)
