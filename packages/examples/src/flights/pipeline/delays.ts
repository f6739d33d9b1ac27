/**
 * The job as a pipeline: the module that threads import.
 *
 * Elements are parts of the file and columns of some thousand flights or groups: at three million rows in
 * half a second nothing can be done row by row between stages.
 *
 * @since 0.1.0
 */
import * as Aggregate from "@shared-nothing/core/Aggregate"
import * as Join from "@shared-nothing/core/Join"
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Source from "@shared-nothing/core/Source"
import * as Stage from "@shared-nothing/core/Stage"
import * as State from "@shared-nothing/core/State"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Airport } from "../airports.ts"
import { exchange } from "../exchange/exchange.ts"
import { Keys } from "../exchange/Keys.ts"
import { placeBy } from "../exchange/place.ts"
import { delaysBy } from "../GroupTable.ts"
import * as Input from "../input/Input.ts"
import { sizeOf, type Task } from "../input/Task.ts"
import { InputError } from "../InputError.ts"
import { type By, keys, windowMillis, windows } from "../Job.ts"
import { Message, Outcome, reportOf, unreadable } from "./Messages.ts"

const Options = Schema.Struct({
  input: Schema.String,
  by: Schema.Literals(keys),
  window: Schema.Literals(windows),
  workers: Schema.Int,
  passes: Schema.Int
})
type Options = typeof Options.Type

/** A part of the file, and who reads it. */
interface Split {
  readonly number: number
  readonly task: Task
  readonly reader: Input.Reader
  readonly keys: Keys
}

/** A split as it lies in the file, then as columns. */
interface Loaded extends Split {
  readonly bytes: Uint8Array<ArrayBuffer>
}
interface Parsed extends Split {
  readonly part: Input.Part
}

/** What stays in the thread where it is made. */
const local = <A>() => Schema.Any as Schema.Codec<A, unknown>

const orElement = <A, R>(self: Effect.Effect<A, InputError, R>): Effect.Effect<A | InputError, never, R> =>
  Effect.catch(self, (error) => Effect.succeed(error))

/** The bytes of row groups, or of ranges of lines; readers take them in turn. */
const parts = ({ by, input, passes, workers }: Options) =>
  Source.splits("parts", {
    out: local<Loaded | InputError>(),
    parallelism: workers,
    splits: Effect.map(orElement(Input.open(input, by)), (reader): ReadonlyArray<Split | InputError> => {
      if (reader instanceof InputError) return Array.from({ length: workers }, () => reader)
      const keys = new Keys(by, reader.names, workers, placeBy(workers))
      const tasks = Array.from({ length: passes }, () => reader.tasks).flat()
      return tasks.map((task, number) => ({ number, task, reader, keys }))
    }),
    read: (split: Split | InputError): Stream.Stream<Loaded | InputError> =>
      split instanceof InputError
        ? Stream.succeed(split)
        : Stream.fromEffect(orElement(Effect.map(split.reader.load(split.task), (bytes) => ({ ...split, bytes }))))
  })

/** Columns of the rows that can be used, and those that can not. */
const Parse = Stage.mapEffect("parse", {
  in: local<Loaded | InputError>(),
  out: local<Parsed | InputError>(),
  run: (loaded): Effect.Effect<Parsed | InputError> => {
    if (loaded instanceof InputError) return Effect.succeed(loaded)
    const { bytes, ...split } = loaded
    return orElement(Effect.map(split.reader.parse(split.task, bytes), (part) => ({ ...split, part })))
  }
})

/** Flights for the owners of their keys, grouped already where that makes them fewer. */
const group = ({ window }: Options) =>
  Stage.flatMap("group", {
    in: local<Parsed | InputError>(),
    out: Message,
    run: (parsed): ReadonlyArray<Message> => {
      if (parsed instanceof InputError) return [unreadable(parsed)]
      const { keys, number, part, task } = parsed
      return [reportOf(number, sizeOf(task), part), ...exchange(part.columns, keys, windowMillis[window])]
    }
  })

/** The moment after all others: files need not be in the order of time, so windows are complete at their end. */
const end = Number.MAX_SAFE_INTEGER

type Context = Stage.ProcessContext<number, Outcome>

/** Flights, delays and their maximum, of each key and window. */
const delays = ({ window }: Options) =>
  Stage.process("delays", {
    in: Message,
    out: Outcome,
    state: State.of({ groups: State.aggregate(delaysBy(window)), batches: State.aggregate(Aggregate.count) }),
    handle: ({ batches, groups }, message, { emit, timerAt }: Context) => {
      if (message._tag === "Report" || message._tag === "Unreadable") return emit(message)
      groups.add(message)
      batches.add(message)
      timerAt(end)
    },
    onTimer: ({ batches, groups }, { emit, key }: Context) => {
      for (const ofKey of groups.get()) emit(ofKey)
      emit({ _tag: "Handled", worker: key, batches: batches.get() })
    }
  })

/** Adds an airport to what is known of a key. */
const located = (airports: Pipeline.Pipeline<Airport>, end: "from" | "to", codeOf: CodeOf) =>
  Join.table(`airport ${end === "from" ? "of departure" : "of arrival"}`, airports, {
    out: Outcome,
    key: (outcome: Outcome) => (outcome._tag === "Delays" ? codeOf(outcome.name) : ""),
    rowKey: (airport) => airport.iata,
    combine: (outcome, airport): Outcome =>
      outcome._tag === "Delays" && airport !== undefined ? { ...outcome, [end]: airport } : outcome
  })

type CodeOf = (key: string) => string

/** The airports that a key names. */
const ends: { readonly [B in By]: { readonly from?: CodeOf; readonly to?: CodeOf } } = {
  origin: { from: (key) => key },
  destination: { to: (key) => key },
  route: { from: (key) => key.split("-")[0], to: (key) => key.split("-")[1] }
}

/**
 * The delays of flights; its source is the table of airports.
 *
 * @category pipelines
 * @since 0.1.0
 */
export const flightDelays = Pipeline.define("flightDelays", {
  in: Airport,
  args: Options,
  build: (airports, options) => {
    const { from, to } = ends[options.by]
    const found = parts(options).pipe(
      Pipeline.via(Parse),
      Pipeline.via(group(options)),
      // Readers have placed the keys: what they send names the worker.
      Pipeline.keyBy((message) => ("worker" in message ? message.worker : 0), { place: (worker) => worker }),
      Pipeline.via(delays(options))
    )
    const departed = from === undefined ? found : found.pipe(located(airports, "from", from))
    return to === undefined ? departed : departed.pipe(located(airports, "to", to))
  }
})
