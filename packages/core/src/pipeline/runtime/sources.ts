/**
 * Where the elements of a source's subtask come from.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { noTime } from "../Operator.ts"
import { detailOf, PipelineFailed } from "../PipelineFailed.ts"
import { type Chain, nameOf } from "../plan/Plan.ts"
import { Ahead } from "./Ahead.ts"
import type { Receive } from "./runSubtask.ts"
import type { Frame } from "./Frame.ts"

/**
 * How far a source was read: so many elements of that of its splits. A stream is one split.
 *
 * @category models
 * @since 0.1.0
 */
export interface SourcePosition {
  readonly split: number
  readonly taken: number
}

/**
 * The beginning of every source.
 *
 * @category constants
 * @since 0.1.0
 */
export const start: SourcePosition = { split: 0, taken: 0 }

/**
 * A frame, and where its source is once it was taken.
 *
 * @category models
 * @since 0.1.0
 */
export interface Piece {
  readonly frame: Frame
  readonly position: SourcePosition
}

/** Frames between a source and its subtask. */
const ahead = 8

let noTimes: ReadonlyArray<number> = []

/** The times of elements that have none; most batches of a source are of one length. */
export const untimed = (length: number): ReadonlyArray<number> => {
  if (noTimes.length !== length) noTimes = new Array<number>(length).fill(noTime)
  return noTimes
}

/** Every so many-th block. */
const blocksOf = (
  block: (number: number) => ReadonlyArray<unknown>,
  index: number,
  parallelism: number
): Stream.Stream<unknown, unknown> =>
  Stream.fromPull(
    Effect.sync(() => {
      let next = index
      return Effect.flatMap(Effect.try({ try: () => block(next), catch: identity }), (values) => {
        next += parallelism
        return Arr.isReadonlyArrayNonEmpty(values) ? Effect.succeed(values) : Cause.done()
      })
    })
  )

/**
 * What subtask `index` of a source reads: the whole of a stream, or every so many-th of the splits,
 * one after the other; from a position on, and then the end. The failure of a stream is its own;
 * that of a split names the source.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = Effect.fnUntraced(function* (
  chain: Chain,
  index: number,
  context: Context.Context<never>,
  from: SourcePosition = start
): Effect.fn.Return<Ahead<Piece, unknown>, never, Scope.Scope> {
  const [{ name, origin }] = chain.nodes
  if (origin === undefined) return yield* Effect.die(new Error(`${nameOf(chain)} has no input and is no source`))
  const pieces = new Ahead<Piece, unknown>(ahead)
  const fill = (stream: Stream.Stream<unknown, unknown, unknown>, split: number, skipped: number) => {
    let taken = skipped
    return Stream.runForEachArray(stream, (values) => {
      taken += values.length
      const frame: Frame = { _tag: "Data0", from: 0, times: untimed(values.length), values }
      return pieces.offer({ frame, position: { split, taken } })
    })
  }
  const toOwn = (cause: unknown) =>
    new PipelineFailed({ worker: name, phase: "source", detail: detailOf(cause), cause })
  const run =
    origin._tag === "Stream"
      ? fill(origin.stream, 0, 0)
      : origin._tag === "Blocks"
        ? Effect.mapError(fill(blocksOf(origin.block, index, chain.parallelism), 0, 0), toOwn)
        : Effect.mapError(
            Effect.flatMap(origin.splits, (splits) =>
              Effect.forEach(
                splits.filter((_, at) => at % chain.parallelism === index).slice(from.split),
                (split, at) => {
                  const taken = at === 0 ? from.taken : 0
                  return fill(origin.read(split, taken), from.split + at, taken)
                },
                { discard: true }
              )
            ),
            toOwn
          )
  const end = pieces.offer({
    frame: { _tag: "Watermark", from: 0, time: Infinity },
    position: { split: Infinity, taken: 0 }
  })
  yield* Effect.forkScoped(
    Effect.catchCause(
      Effect.provideContext(Effect.andThen(run, end) as Effect.Effect<unknown, unknown>, context),
      (cause: Cause.Cause<unknown>) => Effect.sync(() => pieces.fail(cause))
    )
  )
  return pieces
})

/**
 * The frames of a source, from its beginning.
 *
 * @category constructors
 * @since 0.1.0
 */
export const receiveSource = (
  chain: Chain,
  index: number,
  context: Context.Context<never>
): Effect.Effect<Receive<unknown>, never, Scope.Scope> =>
  Effect.map(read(chain, index, context), (pieces) =>
    Effect.map(pieces.wait, () => {
      const frames: Array<Frame> = []
      // Taking one lets the source read on, at once: there may always be another.
      for (let left = ahead; left > 0; left--) {
        const piece = pieces.take()
        if (piece === undefined) break
        frames.push(piece.frame)
      }
      return frames
    })
  )
