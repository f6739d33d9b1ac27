/**
 * The pipeline as a `Stream`: one that carries the graph that it runs.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { Input as DurationInput } from "effect/Duration"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { InvalidConfig } from "../errors/Errors.ts"
import { durations, millisOf } from "../errors/Options.ts"
import type { HashKey } from "../partition/KeyHash.ts"
import { checkForPipeline } from "../supervision/forPipelines.ts"
import type { Supervision } from "../supervision/Supervision.ts"
import { type Input, mainOutput, type Node, node, type Route } from "./Graph.ts"
import type { PipelineFailed } from "./PipelineFailed.ts"
import * as Plan from "./plan/Plan.ts"
import { between, type StageRates } from "./Rates.ts"
import { Backend } from "./runtime/Backend.ts"
import type { DefinedAs } from "./runtime/Running.ts"
import type { SubtaskStats } from "./runtime/SubtaskStats.ts"

/**
 * What running a pipeline can fail with, besides what its sources fail with.
 *
 * @category models
 * @since 0.1.0
 */
export type PipelineError = PipelineFailed | InvalidConfig

/**
 * A dataflow that gives elements of type `A`; `Side` has the types of its last stage's side outputs.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pipeline<out A, out E = never, out R = never, out Side = {}> extends Stream.Stream<A, E, R> {
  readonly "~side"?: () => Side
  readonly node: Node
  /** Which output of the node the elements are. */
  readonly output: string
  /** How they go to the next stage; undefined if nobody said. */
  readonly route: Route | undefined
  readonly definedAs: DefinedAs | undefined
  /** What is done about workers that die. */
  readonly supervision: Supervision | undefined
}

/**
 * A pipeline whose elements go to the next stage by key.
 *
 * @category models
 * @since 0.1.0
 */
export interface Keyed<out A, out K extends HashKey, out E = never, out R = never> extends Pipeline<A, E, R> {
  readonly "~key"?: () => K
}

/**
 * A pipeline that runs.
 *
 * @category models
 * @since 0.1.0
 */
export interface Running<out A, out E> {
  /** Its elements; to be run once. */
  readonly output: Stream.Stream<A, E>
  /** What each subtask counts, now. */
  readonly stats: Effect.Effect<ReadonlyArray<SubtaskStats>>
  /** The same, every so often, and once more when the output has ended. */
  readonly statsEvery: (interval: DurationInput) => Stream.Stream<ReadonlyArray<SubtaskStats>, InvalidConfig>
  /**
   * What each stage did since the last look: rates, depth, backpressure, lag of event time; and what it did
   * on the whole, when the output has ended.
   */
  readonly ratesEvery: (interval: DurationInput) => Stream.Stream<ReadonlyArray<StageRates>, InvalidConfig>
}

interface Fields {
  readonly node: Node
  readonly output: string
  readonly route: Route | undefined
  readonly definedAs: DefinedAs | undefined
  readonly supervision: Supervision | undefined
}

const graphs = new WeakMap<object, Fields>()

/** A pipeline of a node. */
export const make = (
  of: Node,
  link: { readonly output: string; readonly route: Route | undefined } = { output: mainOutput, route: undefined },
  definedAs?: DefinedAs,
  supervision?: Supervision
): Pipeline<never, never, never, never> => {
  const fields: Fields = { node: of, ...link, definedAs, supervision }
  const stream = Stream.unwrap(
    Effect.map(
      Effect.suspend(() => launch(fields)),
      ({ pull }) => Stream.fromPull(Effect.succeed(pull))
    )
  )
  const self = Object.assign(stream, fields)
  graphs.set(self, fields)
  // Elements of all types go through a graph; those who compose it know which.
  return self as unknown as Pipeline<never, never, never, never>
}

/** What the graph of a pipeline ends in; a plain stream begins one. */
export const nodeOf = (self: Stream.Stream<unknown, unknown, unknown>): Omit<Input, "schema"> => {
  const known = graphs.get(self)
  if (known !== undefined) return { from: known.node, output: known.output, route: known.route }
  const from = node({ name: "stream", kind: "stream", origin: { _tag: "Stream", stream: self } })
  return { from, output: mainOutput, route: undefined }
}

const launch = Effect.fnUntraced(function* ({ definedAs, node: of, output, supervision }: Fields) {
  const plan = yield* Effect.fromResult(Plan.make(of, output))
  if (supervision !== undefined) yield* checkForPipeline(supervision)
  const backend = yield* Backend
  return yield* backend.launch({ plan, definedAs, supervision })
})

/** Starts a pipeline in the scope at hand. */
export const start = <A, E, R>(
  self: Pipeline<A, E, R, unknown>
): Effect.Effect<Running<A, E>, PipelineError, R | Scope.Scope> =>
  Effect.gen(function* () {
    const { pull, stats } = yield* launch(self)
    const began = yield* Clock.currentTimeMillis
    const ended = Deferred.makeUnsafe<void>()
    const output = Stream.ensuring(Stream.fromPull(Effect.succeed(pull)), Deferred.succeed(ended, undefined))
    const looksEvery = (
      option: string,
      interval: DurationInput
    ): Stream.Stream<ReadonlyArray<SubtaskStats>, InvalidConfig> => {
      if (!(millisOf(interval) > 0)) {
        return Stream.fail(new InvalidConfig({ option, value: interval, allowed: `${durations}, longer than 0` }))
      }
      const ticks = Stream.interruptWhen(Stream.tick(interval), Deferred.await(ended))
      return Stream.mapEffect(Stream.concat(ticks, Stream.succeed(undefined)), () => stats)
    }
    return {
      output: output as Stream.Stream<A, E>,
      stats,
      statsEvery: (interval) => looksEvery("statsEvery.interval", interval),
      ratesEvery: (interval) =>
        Stream.suspend(() => {
          let last: readonly [at: number, stats: ReadonlyArray<SubtaskStats>] | undefined
          return Stream.flatMap(
            Stream.mapEffect(looksEvery("ratesEvery.interval", interval), (now) =>
              Effect.map(Clock.currentTimeMillis, (at) => [at, now] as const)
            ),
            ([at, now]) => {
              if (Deferred.isDoneUnsafe(ended)) return Stream.succeed(between([], now, at - began))
              const before = last
              last = [at, now]
              // The first look has nothing to compare with.
              return before === undefined ? Stream.empty : Stream.succeed(between(before[1], now, at - before[0]))
            }
          )
        })
    }
  })
