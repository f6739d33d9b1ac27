/**
 * Sources that several subtasks read at once, each its own share of the splits. Any `Stream` is a
 * source too; it is read by the thread that runs the pipeline.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { erase, node } from "./Graph.ts"
import { make, type Pipeline, type PipelineError } from "./PipelineStream.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface SourceOptions {
  /** How many subtasks read; 1 if absent. */
  readonly parallelism?: number | undefined
}

/**
 * Reads splits, such as files or parts of one: subtask i of n reads splits i, i + n, and so on, one
 * after the other. `splits` runs in each subtask and must give the same in all.
 *
 * @category constructors
 * @since 0.1.0
 */
export const splits = <A, Split, E, R, E2, R2>(
  name: string,
  options: SourceOptions & {
    readonly out: Schema.Codec<A, unknown>
    readonly splits: Effect.Effect<ReadonlyArray<Split>, E, R>
    readonly read: (split: Split) => Stream.Stream<A, E2, R2>
  }
): Pipeline<A, PipelineError, R | R2> => {
  const read = options.read as unknown as (split: unknown) => Stream.Stream<unknown, unknown, unknown>
  return make(
    node({
      name,
      kind: "source",
      output: erase(options.out),
      parallelism: options.parallelism ?? 1,
      origin: { _tag: "Splits", splits: options.splits, read }
    })
  )
}

/** Elements that a generator makes at a time. */
const chunk = 512

/**
 * `count` elements, each made from its number: the same ones at every parallelism. Subtasks make
 * blocks of them in turn. `perSecond` bounds the rate of each subtask.
 *
 * @category constructors
 * @since 0.1.0
 */
export const generate = <A>(
  name: string,
  options: SourceOptions & {
    readonly out: Schema.Codec<A, unknown>
    readonly count: number
    readonly of: (index: number) => A
    readonly perSecond?: number | undefined
  }
): Pipeline<A, PipelineError> => {
  const { count, of, perSecond } = options
  const block = (start: number): Stream.Stream<A> => {
    const size = Math.min(chunk, count - start)
    const made = Effect.sync(() => {
      const out = new Array<A>(size)
      for (let i = 0; i < size; i++) out[i] = of(start + i)
      return out
    })
    const paced = perSecond === undefined ? made : Effect.tap(made, () => Effect.sleep((size * 1000) / perSecond))
    return Stream.unwrap(Effect.map(paced, (elements) => Stream.fromArray(elements)))
  }
  const starts = Array.from({ length: Math.max(0, Math.ceil(count / chunk)) }, (_, i) => i * chunk)
  return splits(name, {
    out: options.out,
    parallelism: options.parallelism,
    splits: Effect.succeed(starts),
    read: block
  })
}

/**
 * Whole numbers from `start` up to and without `end`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const range = (start: number, end: number, options: SourceOptions = {}): Pipeline<number, PipelineError> =>
  generate("range", { ...options, out: Schema.Number, count: Math.max(0, end - start), of: (index) => start + index })
