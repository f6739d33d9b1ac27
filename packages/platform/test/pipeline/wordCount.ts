import * as Aggregate from "@shared-nothing/core/Aggregate"
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Source from "@shared-nothing/core/Source"
import * as Stage from "@shared-nothing/core/Stage"
import * as Window from "@shared-nothing/core/Window"
import * as Schema from "effect/Schema"
import { isMainThread, threadId } from "node:worker_threads"

export const Count = Schema.Struct({ word: Schema.String, count: Schema.Int, thread: Schema.Int })

const Words = Stage.flatMap("words", {
  in: Schema.String,
  out: Schema.String,
  run: (line) => {
    if (line === "break") throw new RangeError("a line that breaks")
    if (line === "die") process.exit(3)
    return line.split(" ")
  }
})

const Tally = Stage.window("tally", {
  in: Schema.String,
  out: Count,
  window: Window.global(2 ** 31),
  aggregate: Aggregate.count,
  result: (word: string, count) => ({ word, count, thread: threadId })
})

export const wordCount = Pipeline.define("wordCount", {
  in: Schema.String,
  args: Schema.Struct({ parallelism: Schema.Int }),
  build: (lines, { parallelism }) =>
    lines.pipe(
      Pipeline.via(Words, { parallelism }),
      Pipeline.keyBy((word) => word),
      Pipeline.via(Tally, { parallelism })
    )
})

export const Reading = Schema.Struct({ station: Schema.String, at: Schema.Number, value: Schema.Number })

const PerMinute = Stage.window("per minute", {
  in: Reading,
  out: Schema.String,
  window: Window.tumbling("1 minute"),
  aggregate: Aggregate.struct({ count: Aggregate.count, max: Aggregate.max((r: typeof Reading.Type) => r.value) }),
  result: (station: string, { count, max }, { start }) => `${station} ${start}: ${count} ${max}`
})

/** A source in several subtasks, event time, a keyed edge. */
export const readings = Pipeline.define("readings", {
  in: Schema.Undefined,
  args: Schema.Struct({ sources: Schema.Int, windows: Schema.Int }),
  build: (_, { sources, windows }) =>
    Source.generate("readings", {
      out: Reading,
      count: 20_000,
      parallelism: sources,
      of: (i) => ({ station: `station ${(i * 7919) % 23}`, at: i * 50 - ((i * 31) % 400), value: (i * 17) % 1009 })
    }).pipe(
      // Each subtask has every so many-th block of 512 elements: 25.6 s of event time.
      Pipeline.eventTime((r) => r.at, { outOfOrderness: "1 second" }),
      Pipeline.keyBy((r) => r.station),
      Pipeline.via(PerMinute, { parallelism: windows })
    )
})

/** Gives all the time. */
export const words = Pipeline.define("words", { in: Schema.String, build: (lines) => lines.pipe(Pipeline.via(Words)) })

/** Makes another graph in other threads, which must not be. */
export const fickle = Pipeline.define("fickle", {
  in: Schema.String,
  build: (lines) => lines.pipe(Pipeline.via(Words, { parallelism: isMainThread ? 1 : 2 }))
})
