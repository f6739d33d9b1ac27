/**
 * The workers that the laws of outputs are run with: each emits what it is sent, in one of the ways
 * in which handlers run.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Worker from "../../../worker/Worker.ts"

/**
 * Message number `sequence` of a key, and what to do besides emitting it.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Word = Schema.Struct({
  key: Schema.String,
  sequence: Schema.Int,
  /**
   * `yield` to others first; `many`: 5000 at once; `fail` after having emitted; `misfit`: what is no
   * output; `large`: more than fits a ring.
   */
  act: Schema.optionalKey(Schema.Literals(["yield", "many", "fail", "misfit", "large"]))
})

/**
 * @category models
 * @since 0.1.0
 */
export type Word = typeof Word.Type

/**
 * What is emitted.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Cry = Schema.Struct({ key: Schema.String, sequence: Schema.Int, text: Schema.String })

/**
 * @category models
 * @since 0.1.0
 */
export type Cry = typeof Cry.Type

const keyOf = (word: Word): string => word.key

/** How many outputs a word of `many` has, and characters one of `large`. */
export const many = 5000
export const largeLength = 300_000

const cry = ({ key, sequence }: Word, text = ""): Cry => ({ key, sequence, text })

const take = (word: Word, emit: Worker.Emit<Cry>): Effect.Effect<void> | undefined => {
  switch (word.act) {
    case "yield":
      return Effect.map(Effect.yieldNow, () => emit(cry(word)))
    case "many":
      return emit.all(Array.from({ length: many }, (_, index) => cry({ ...word, sequence: word.sequence + index })))
    case "fail":
      emit(cry(word))
      throw new RangeError(`told to by ${word.key}`)
    case "misfit":
      emit({ ...cry(word), text: 7 as unknown as string })
      return undefined
    case "large":
      emit(cry(word, "x".repeat(largeLength)))
      return undefined
  }
  emit(cry(word))
  return undefined
}

/**
 * Emits from wherever it can, one message at a time.
 *
 * @category workers
 * @since 0.1.0
 */
export class Crier extends Worker.Service<Crier>()("Crier", {
  message: Word,
  output: Cry,
  initData: Schema.Struct({ ticks: Schema.Boolean }),
  requests: [
    Rpc.make("Say", { payload: { text: Schema.String }, success: Schema.Int }),
    Rpc.make("SayLater", { payload: { text: Schema.String }, success: Schema.Int })
  ],
  key: keyOf
}) {}

/**
 * @category workers
 * @since 0.1.0
 */
export const crier = Crier.toLayer({
  init: (options) => Effect.succeed({ ...options, ticks: options.ticks ? 3 : 0 }),
  handle: (_, word, emit) => take(word, emit),
  Say: (_, { text }, emit) => {
    emit({ key: "said", sequence: 0, text })
    return text.length
  },
  SayLater: (_, { text }, emit) =>
    Effect.map(Effect.yieldNow, () => {
      emit({ key: "said", sequence: 1, text })
      return text.length
    }),
  tick: {
    every: "2 millis",
    run: (state, emit) => {
      if (state.ticks > 0) emit({ key: "tick", sequence: 3 - state.ticks--, text: "" })
    }
  },
  shutdown: (_, emit) => emit({ key: "shutdown", sequence: 0, text: "" })
})

/**
 * Emits what several handlers make at once.
 *
 * @category workers
 * @since 0.1.0
 */
export class Chorus extends Worker.Service<Chorus>()("Chorus", { message: Word, output: Cry, key: keyOf }) {}

/**
 * @category workers
 * @since 0.1.0
 */
export const chorus = Chorus.toLayer({
  init: Effect.void,
  handle: (_, word, emit) => take(word, emit),
  concurrency: 4
})

/**
 * Emits batch by batch, and has streaming answers: `Count` for as long as it is wanted, `Stuck` after
 * nothing at all. What became of them is in `Told`.
 *
 * @category workers
 * @since 0.1.0
 */
export class Herald extends Worker.Service<Herald>()("Herald", {
  message: Word,
  output: Cry,
  requests: [
    Rpc.make("Count", { payload: { name: Schema.String }, success: Schema.Int, stream: true }),
    Rpc.make("Stuck", { payload: { name: Schema.String }, success: Schema.Int, stream: true }),
    Rpc.make("Told", { success: Schema.Array(Schema.String) }),
    Rpc.make("Sent", { success: Schema.Int })
  ],
  key: keyOf
}) {}

interface Heard {
  readonly told: Array<string>
  sent: number
}

const until = (state: Heard, name: string) => Effect.sync(() => void state.told.push(name))

/**
 * @category workers
 * @since 0.1.0
 */
export const herald = Herald.toLayer({
  init: Effect.sync((): Heard => ({ told: [], sent: 0 })),
  handleBatch: (_, words, emit) => {
    for (const word of words) {
      if (word.act === undefined || word.act === "yield") emit(cry(word))
    }
    const rest = words.filter((word) => word.act !== undefined && word.act !== "yield")
    return rest.length === 0
      ? undefined
      : Effect.forEach(rest, (word) => take(word, emit) ?? Effect.void, { discard: true })
  },
  batchSize: 16,
  // The messages that it has room for do not wait for an answer that goes on for ever.
  concurrency: 4,
  Count: (state, { name }) =>
    Stream.range(0, Number.MAX_SAFE_INTEGER, 10).pipe(
      Stream.mapArray((numbers) => {
        state.sent += numbers.length
        return numbers
      }),
      Stream.ensuring(until(state, name))
    ),
  Stuck: (state, { name }) => Stream.ensuring(Stream.never, until(state, name)),
  Told: ({ told }) => told,
  Sent: ({ sent }) => sent
})
