/**
 * Sources that several subtasks read at once, each its own share of the splits. Any `Stream` is a
 * source too; it is read by the thread that runs the pipeline.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { atLeastNone, moreThanNone, number } from "./checks.ts"
import { erase, type Fault, node } from "./Graph.ts"
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
    /** Gives the same elements each time: a successor of a subtask that died passes over those that it took. */
    readonly read: (split: Split) => Stream.Stream<A, E2, R2>
  }
): Pipeline<A, PipelineError, R | R2> =>
  splitSource(name, options, (split: Split, taken) => Stream.drop(options.read(split), taken))

/** A source that knows how to go on after what was taken of a split. */
const splitSource = <A, Split, E, R, E2, R2>(
  name: string,
  options: SourceOptions & {
    readonly out: Schema.Codec<A, unknown>
    readonly splits: Effect.Effect<ReadonlyArray<Split>, E, R>
  },
  read: (split: Split, taken: number) => Stream.Stream<A, E2, R2>,
  faults: ReadonlyArray<Fault> = []
): Pipeline<A, PipelineError, R | R2> =>
  make(
    node({
      name,
      kind: "source",
      output: erase(options.out),
      parallelism: options.parallelism ?? 1,
      origin: {
        _tag: "Splits",
        splits: options.splits,
        read: read as unknown as (split: unknown, taken: number) => Stream.Stream<unknown, unknown, unknown>
      },
      faults
    })
  )

/** Elements that a generator makes at a time. */
const fullChunk = 512

/** Waits until the elements before one are due, at a rate, of which none is before `from`. */
const pacer = (perSecond: number, from: number) => {
  let began: number | undefined
  return (end: number): Effect.Effect<void> =>
    Clock.clockWith((clock) => {
      const now = clock.currentTimeMillisUnsafe()
      began ??= now
      return Effect.sleep(Math.max(0, began + ((end - from) * 1000) / perSecond - now))
    })
}

/**
 * `count` elements, each made from its number: the same ones at every parallelism. Subtasks make
 * blocks of them in turn. `perSecond` is the rate of all together, kept over the whole time: a source
 * that was slowed down further on makes up for it.
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
  const { count, of, parallelism = 1, perSecond } = options
  // A paced source gives some twenty times a second, whatever its rate.
  const chunk = perSecond === undefined ? fullChunk : Math.min(fullChunk, Math.max(1, Math.floor(perSecond / 20)))
  const elements = (start: number, end: number): ReadonlyArray<A> => {
    const size = Math.min(end, count) - start
    const out = new Array<A>(Math.max(0, size))
    for (let i = 0; i < size; i++) out[i] = of(start + i)
    return out
  }
  const faults = [
    ...number(`${name}.count`, count, atLeastNone),
    ...number(`${name}.perSecond`, perSecond ?? Infinity, moreThanNone)
  ]
  if (perSecond === undefined) {
    const block = (number: number) => elements(number * chunk, (number + 1) * chunk)
    const origin = { _tag: "Blocks", block } as const
    return make(node({ name, kind: "source", output: erase(options.out), parallelism, origin, faults }))
  }
  const paced = (first: number, taken: number): Stream.Stream<A> =>
    Stream.fromPull(
      Effect.sync(() => {
        let block = first + Math.floor(taken / chunk) * parallelism
        let start = block * chunk + (taken % chunk)
        const pace = pacer(perSecond, start)
        return Effect.suspend(() => {
          const made = elements(start, (block + 1) * chunk)
          const end = start + made.length
          block += parallelism
          start = block * chunk
          return Arr.isReadonlyArrayNonEmpty(made) ? Effect.as(pace(end), made) : Cause.done()
        })
      })
    )
  const shares = Effect.succeed(Array.from({ length: parallelism }, (_, i) => i))
  return splitSource(name, { out: options.out, parallelism, splits: shares }, paced, faults)
}

/**
 * Whole numbers from `start` up to and without `end`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const range = (start: number, end: number, options: SourceOptions = {}): Pipeline<number, PipelineError> =>
  generate("range", { ...options, out: Schema.Number, count: Math.max(0, end - start), of: (index) => start + index })
