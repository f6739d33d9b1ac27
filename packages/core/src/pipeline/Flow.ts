/**
 * Combinators that change how elements flow: in groups, slower, fewer.
 *
 * @since 0.1.0
 */
import type { Input as DurationInput } from "effect/Duration"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import { millisOf } from "../errors/Options.ts"
import type { HashKey } from "../partition/KeyHash.ts"
import { atLeastOne, duration, longerThanNone, moreThanNone, number, share, wholeFromOne } from "./checks.ts"
import { type AnySchema, type Fault, type Input, node, type Route } from "./Graph.ts"
import { DedupeOperator, GroupOperator, RateOperator, SampleOperator } from "./operators/flow.ts"
import { make, nodeOf, type Pipeline, type PipelineError } from "./PipelineStream.ts"
import { schemaOf } from "./plan/Plan.ts"
import type { Operator, OperatorContext } from "./Operator.ts"

interface Fields {
  readonly name: string
  readonly kind: string
  readonly faults: ReadonlyArray<Fault>
  readonly parallelism?: number | undefined
  /** Most elements at a time; what comes before is in other subtasks then. */
  readonly batch?: number
  readonly route?: Route
  readonly output?: (input: AnySchema) => AnySchema
  readonly make: (context: OperatorContext) => Operator
}

const after = (
  self: Stream.Stream<unknown, unknown, unknown>,
  { name, kind, faults, parallelism, batch, route, output = (input) => input, make: operator }: Fields
): Pipeline<never, never, never, never> => {
  const link = nodeOf(self)
  const schema = schemaOf(link.from, link.output)
  const input: Input = { ...link, route: route ?? link.route, schema }
  return make(
    node({
      name,
      kind,
      faults,
      parallelism,
      batch,
      inputs: [input],
      output: schema === undefined ? undefined : output(schema),
      make: operator
    })
  )
}

/**
 * Arrays of `count` elements; an incomplete one goes out `within` after its first element came, or
 * at the end.
 *
 * @category combinators
 * @since 0.1.0
 */
export const grouped =
  (count: number, within: DurationInput) =>
  <A, E, R>(self: Stream.Stream<A, E, R>): Pipeline<ReadonlyArray<A>, E | PipelineError, R> => {
    const millis = millisOf(within)
    return after(self, {
      name: "grouped",
      kind: `groups of ${count} within ${millis} ms`,
      faults: [...number("grouped.count", count, wholeFromOne), ...duration("grouped.within", within, longerThanNone)],
      output: (input) => Schema.Array(input) as unknown as AnySchema,
      make: (context) => new GroupOperator(context, count, millis)
    })
  }

/** How often a stage that is limited gives something, at most. */
const giftsPerSecond = 20

/**
 * At most `perSecond` elements a second in each subtask, a few at a time: a twentieth of them, or one.
 * What feeds it is slowed down.
 *
 * @category combinators
 * @since 0.1.0
 */
export const rateLimit =
  (perSecond: number) =>
  <A, E, R>(self: Stream.Stream<A, E, R>): Pipeline<A, E | PipelineError, R> =>
    after(self, {
      name: "rate limit",
      kind: `at most ${perSecond} a second`,
      faults: number("rateLimit.perSecond", perSecond, moreThanNone),
      batch: Math.max(1, Math.floor(perSecond / giftsPerSecond)),
      make: (context) => new RateOperator(context, perSecond)
    })

/**
 * The first element of each key, and again the first that comes `ttl` after it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const dedupe =
  <A>(
    key: (element: A) => HashKey,
    options: {
      readonly ttl?: DurationInput | undefined
      readonly maxKeys?: number | undefined
      readonly parallelism?: number | undefined
    } = {}
  ) =>
  <E, R>(self: Stream.Stream<A, E, R>): Pipeline<A, E | PipelineError, R> => {
    const { maxKeys = Infinity, parallelism, ttl = Infinity } = options
    return after(self, {
      name: "dedupe",
      kind: "first of each key",
      parallelism,
      faults: [...duration("dedupe.ttl", ttl, longerThanNone), ...number("dedupe.maxKeys", maxKeys, atLeastOne)],
      route: { _tag: "keyBy", key: key as (element: unknown) => HashKey },
      make: (context) => new DedupeOperator(context, { ttl: millisOf(ttl), maxKeys })
    })
  }

/**
 * The elements of a share of all keys, from 0 to 1: the same keys in every run and at every
 * parallelism.
 *
 * @category combinators
 * @since 0.1.0
 */
export const sample =
  <A>(fraction: number, key: (element: A) => HashKey) =>
  <E, R>(self: Stream.Stream<A, E, R>): Pipeline<A, E | PipelineError, R> =>
    after(self, {
      name: "sample",
      kind: `${fraction} of all keys`,
      faults: number("sample.fraction", fraction, share),
      make: (context) => new SampleOperator(context, fraction, key as (element: unknown) => HashKey)
    })
