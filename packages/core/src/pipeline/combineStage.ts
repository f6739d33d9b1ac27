/**
 * Aggregating in two steps: what comes together where it was read goes to the owner of its key as one
 * accumulator. Windows of many elements cost an exchange of a few.
 *
 * ```ts
 * const Counts = Stage.Combined(Schema.Int, Schema.Int)
 * bids.pipe(
 *   Pipeline.via(Stage.combine("count here", { in: Bid, out: Counts, key, every: "2 seconds", aggregate: Aggregate.count })),
 *   Pipeline.keyBy(({ key }) => key),
 *   Pipeline.via(Stage.window("count", { in: Counts, window, aggregate: Aggregate.combined(Aggregate.count), … }))
 * )
 * ```
 *
 * @since 0.1.0
 */
import type { Input as DurationInput } from "effect/Duration"
import * as Schema from "effect/Schema"
import { millisOf } from "../errors/Options.ts"
import type { HashKey } from "../partition/KeyHash.ts"
import type { Aggregate, Part } from "./Aggregate.ts"
import { duration, finite, longerThanNoneFinite } from "./checks.ts"
import { type CombineFunctions, CombineOperator } from "./operators/combine.ts"
import { type Stage, stageNode, type StageOptions } from "./StageNode.ts"

/**
 * The schema of what `combine` gives: a key, and what its elements came to.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Combined = <K extends HashKey, Acc>(
  key: Schema.Codec<K, unknown>,
  acc: Schema.Codec<Acc, unknown>
): Schema.Codec<Part<K, Acc>, unknown> => Schema.Struct({ key, acc })

/**
 * Aggregates the elements of each key and each slice of event time within its subtask; behind it
 * comes a `window` of `Aggregate.combined`, whose size and interval are multiples of `every`.
 * Elements that come after their slice go on alone, for the window to judge.
 *
 * @category constructors
 * @since 0.1.0
 */
export const combine = <In, K extends HashKey, Acc, Total>(
  name: string,
  options: Omit<StageOptions<In, Part<K, Acc>>, "retries"> & {
    readonly key: (element: In) => K
    /** Length of a slice. */
    readonly every: DurationInput
    /** When slices begin, from the epoch. */
    readonly offset?: DurationInput | undefined
    readonly aggregate: Aggregate<In, Acc, Total>
  }
): Stage<In, Part<K, Acc>> => {
  const { aggregate, key } = options
  const every = millisOf(options.every)
  const offset = millisOf(options.offset ?? 0)
  const faults = [
    ...duration(`${name}.every`, options.every, longerThanNoneFinite),
    ...duration(`${name}.offset`, options.offset ?? 0, finite)
  ]
  const functions = {
    keyOf: key,
    init: aggregate.init,
    add: aggregate.add,
    save: aggregate.save,
    load: aggregate.load ?? ((saved: unknown) => saved)
  } as unknown as CombineFunctions
  const make = stageNode(
    name,
    `combine (${every} ms)`,
    options,
    (context) => new CombineOperator(context, every, offset, functions),
    { time: "needs", faults }
  )
  return { keyed: false, node: make }
}
