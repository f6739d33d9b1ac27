/** Events for tests of windows and joins: their schema, their sources, and what is done to them. */
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"

export const Event = Schema.Struct({ key: Schema.String, at: Schema.Number, value: Schema.Number })
export type Event = typeof Event.Type

export const event = (key: string, at: number, value = 1): Event => ({ key, at, value })

/** A source to be fed by hand. */
export const source = (name = "events") => Pipeline.fromStream(Event, name)(Stream.empty)

/** The same, in event time. */
export const timed = (outOfOrderness = 0, name?: string) =>
  source(name).pipe(Pipeline.eventTime((e) => e.at, { outOfOrderness }))

export const byKey = Pipeline.keyBy((e: Event) => e.key)

/** The n-th of a deterministic sequence of numbers in [0, 1). */
export const noise = (n: number): number => {
  const x = Math.sin(n * 12.9898 + 4.1414) * 43758.5453
  return x - Math.floor(x)
}
