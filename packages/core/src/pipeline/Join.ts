/**
 * Pipelines of more than one input: joins and unions.
 *
 * What two keyed pipelines are joined by is their keys, which must be of one type.
 *
 * @since 0.1.0
 */
import type { Input as DurationInput } from "effect/Duration"
import type * as Schema from "effect/Schema"
import { millisOf } from "../errors/Options.ts"
import type { HashKey } from "../partition/KeyHash.ts"
import { duration, longerThanNoneFinite, number } from "./checks.ts"
import { erase, type Fault, node } from "./Graph.ts"
import { IntervalJoinOperator, TableJoinOperator, UnionOperator, WindowJoinOperator } from "./operators/joins.ts"
import { type Keyed, make, nodeOf, type Pipeline, type PipelineError } from "./PipelineStream.ts"
import { schemaOf } from "./plan/Plan.ts"
import type { OnError, Operator, OperatorContext } from "./Operator.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface JoinOptions<Out> {
  readonly out: Schema.Codec<Out, unknown>
  readonly onError?: OnError | undefined
  /** How many subtasks it has; as many as the left side if absent. */
  readonly parallelism?: number | undefined
}

type Late<A, B> = { readonly lateLeft: A; readonly lateRight: B }

interface AnyInput {
  readonly node: Pipeline<unknown>["node"]
  readonly output: string
  readonly route: Pipeline<unknown>["route"]
}

const inputOf = ({ node, output, route }: AnyInput, broadcast = false) => ({
  from: node,
  output,
  route: broadcast ? ({ _tag: "broadcast" } as const) : route,
  schema: schemaOf(node, output)
})

const joined = <Out>(
  name: string,
  kind: string,
  left: AnyInput,
  right: AnyInput,
  options: JoinOptions<Out>,
  faults: ReadonlyArray<Fault>,
  makeOperator: (context: OperatorContext) => Operator
) => {
  const sides: Record<string, ReturnType<typeof erase>> = {}
  const [lateLeft, lateRight] = [schemaOf(left.node, left.output), schemaOf(right.node, right.output)]
  if (lateLeft !== undefined) sides.lateLeft = lateLeft
  if (lateRight !== undefined) sides.lateRight = lateRight
  const inputs = [inputOf(left), inputOf(right)]
  const notKeyed = inputs.findIndex(({ route }) => route?._tag !== "keyBy")
  const [leftPlace, rightPlace] = inputs.map(({ route }) => (route?._tag === "keyBy" ? route.place : undefined))
  const all = [...faults]
  if (notKeyed >= 0) {
    all.push({
      option: `${name}.input`,
      value: inputs[notKeyed].from.name,
      allowed: "keyed on both sides: put Pipeline.keyBy before it"
    })
  } else if (leftPlace !== rightPlace) {
    all.push({
      option: `${name}.input`,
      value: right.node.name,
      allowed: "placed as the left side is: by one function"
    })
  }
  return make(
    node({
      name,
      kind,
      inputs,
      output: erase(options.out),
      sides,
      keyed: true,
      time: "needs",
      onError: options.onError ?? "fail",
      parallelism: options.parallelism,
      faults: all,
      make: makeOperator
    })
  )
}

/**
 * Every pair of the same key within the same tumbling window. Late elements go to the side outputs
 * `lateLeft` and `lateRight`.
 *
 * @category joins
 * @since 0.1.0
 */
export const window =
  <A, B, K extends HashKey, Out, E2, R2>(
    name: string,
    right: Keyed<B, K, E2, R2>,
    options: JoinOptions<Out> & { readonly size: DurationInput; readonly combine: (left: A, right: B) => Out }
  ) =>
  <E, R>(left: Keyed<A, K, E, R>): Pipeline<Out, E | E2 | PipelineError, R | R2, Late<A, B>> => {
    const size = millisOf(options.size)
    const faults = duration(`${name}.size`, options.size, longerThanNoneFinite)
    const combine = options.combine as (left: unknown, right: unknown) => unknown
    return joined(name, `window join (${size} ms)`, left, right, options, faults, (context) => {
      return new WindowJoinOperator(context, combine, size)
    })
  }

/**
 * Every pair of the same key whose right comes from `lower` to `upper` milliseconds of event time
 * after its left, both included; a negative `lower` reaches back.
 *
 * @category joins
 * @since 0.1.0
 */
export const interval =
  <A, B, K extends HashKey, Out, E2, R2>(
    name: string,
    right: Keyed<B, K, E2, R2>,
    options: JoinOptions<Out> & {
      readonly lower: number
      readonly upper: number
      readonly combine: (left: A, right: B) => Out
    }
  ) =>
  <E, R>(left: Keyed<A, K, E, R>): Pipeline<Out, E | E2 | PipelineError, R | R2, Late<A, B>> => {
    const { lower, upper } = options
    const faults = [
      ...number(`${name}.upper`, upper, { allowed: "a finite number of milliseconds", holds: Number.isFinite }),
      ...number(`${name}.lower`, lower, {
        allowed: `a finite number of milliseconds, and at most upper, ${upper}`,
        holds: (millis) => Number.isFinite(millis) && millis <= upper
      })
    ]
    const combine = options.combine as (left: unknown, right: unknown) => unknown
    return joined(name, `interval join (${lower} to ${upper} ms)`, left, right, options, faults, (context) => {
      return new IntervalJoinOperator(context, combine, lower, upper)
    })
  }

/**
 * Each element with the row that a table has for its key, or `undefined` if it has none; what
 * `combine` makes `undefined` of is left out. Every subtask holds the whole table, and elements
 * wait, in memory, until the table has ended.
 *
 * @category joins
 * @since 0.1.0
 */
export const table =
  <A, Row, Out, E2, R2>(
    name: string,
    rows: Pipeline<Row, E2, R2>,
    options: JoinOptions<Out> & {
      readonly key: (element: A) => HashKey
      readonly rowKey: (row: Row) => HashKey
      readonly combine: (element: A, row: Row | undefined) => Out | undefined
    }
  ) =>
  <E, R>(self: Pipeline<A, E, R>): Pipeline<Out, E | E2 | PipelineError, R | R2> => {
    const combine = options.combine as (element: unknown, row: unknown) => unknown
    const key = options.key as (element: unknown) => HashKey
    const rowKey = options.rowKey as (row: unknown) => HashKey
    return make(
      node({
        name,
        kind: "table join",
        inputs: [inputOf(self), inputOf(rows, true)],
        output: erase(options.out),
        onError: options.onError ?? "fail",
        parallelism: options.parallelism,
        make: (context) => new TableJoinOperator(context, combine, key, rowKey)
      })
    )
  }

/**
 * The elements of two pipelines or streams, as they come.
 *
 * @category merging
 * @since 0.1.0
 */
export const union =
  <A, E2, R2>(other: Pipeline<A, E2, R2>, options: { readonly name?: string; readonly parallelism?: number } = {}) =>
  <E, R>(self: Pipeline<A, E, R>): Pipeline<A, E | E2 | PipelineError, R | R2> => {
    const first = nodeOf(self)
    return make(
      node({
        name: options.name ?? "union",
        kind: "union",
        inputs: [inputOf({ node: first.from, output: first.output, route: first.route }), inputOf(other)],
        output: schemaOf(first.from, first.output),
        parallelism: options.parallelism,
        make: (context) => new UnionOperator(context)
      })
    )
  }
