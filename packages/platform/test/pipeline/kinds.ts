/** Pipelines of all kinds of stages and edges, whose results are texts that do not depend on who is faster. */
import * as Aggregate from "@shared-nothing/core/Aggregate"
import * as Join from "@shared-nothing/core/Join"
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Source from "@shared-nothing/core/Source"
import * as Stage from "@shared-nothing/core/Stage"
import * as Window from "@shared-nothing/core/Window"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const Event = Schema.Struct({ id: Schema.Int, key: Schema.String, at: Schema.Number, cents: Schema.Int })
type Event = typeof Event.Type
const text = { in: Event, out: Schema.String }

/** Each subtask has every so many-th block of 512 events: 10.24 s of event time. */
const events = (name: string, step: number, parallelism: number, count = 6000) =>
  Source.generate(name, {
    out: Event,
    count,
    parallelism,
    of: (id) => ({
      id,
      key: `key ${(id * 7919) % 13}`,
      at: id * 20 - ((id * step) % 400),
      cents: (id * step) % 97
    })
  }).pipe(Pipeline.eventTime((event) => event.at, { outOfOrderness: "1 second", name: `time of ${name}` }))

const byKey = Pipeline.keyBy((event: Event) => event.key)

const sums = (name: string, window: Window.Window) =>
  Stage.window(name, {
    ...text,
    window,
    aggregate: Aggregate.struct({ count: Aggregate.count, cents: Aggregate.sum((event: Event) => event.cents) }),
    result: (key: string, { cents, count }, { end, start }) => `${key} ${start}-${end}: ${count} ${cents}`
  })

/** Tells of its key a second of event time after each tenth element, and of dear elements beside. */
const Told = Stage.process("told", {
  ...text,
  side: { dear: Event },
  init: () => 0,
  handle: (count, event, { emit, timerAt, side }) => {
    if (event.cents > 95) side("dear", event)
    if ((count + 1) % 10 === 0) timerAt(event.at + 1000)
    if (event.id < 0) emit("never")
    return count + 1
  },
  onTimer: (_, { emit, key, time }) => emit(`${key} at ${time}`)
})

const Text = Stage.map("text", { ...text, run: ({ at, id, key }) => `${key} ${id} ${at}` })

const Odd = Stage.map("odd", {
  ...text,
  onError: "deadLetter",
  run: ({ id, key }) => {
    if (id % 500 === 0) throw new RangeError(`round ${id}`)
    return `${key} ${id}`
  }
})

const Letters = Stage.map("letters", {
  in: Pipeline.DeadLetter,
  out: Schema.String,
  run: ({ detail, stage }) => `${stage}: ${detail}`
})

const Slow = Stage.mapEffect("slow", {
  ...text,
  concurrency: 8,
  ordered: false,
  run: ({ id, key }) => Effect.as(Effect.yieldNow, `${key} ${id}`)
})

const Flat = Stage.flatMap("flat", { ...text, run: ({ id, key }) => (id % 3 === 0 ? [key, `${key} ${id}`] : []) })

const build = (kind: string, sources: number, parallelism: number) => {
  const first = () => events("first", 31, sources)
  const second = () => events("second", 57, sources, 3000)
  const pair = (l: Event, r: Event) => `${l.key}: ${l.id} ${r.id}`
  const two = { out: Schema.String, parallelism, combine: pair }
  switch (kind) {
    case "tumbling windows":
      return first().pipe(byKey, Pipeline.via(sums("tumbling", Window.tumbling("10 seconds")), { parallelism }))
    case "hopping windows":
      return first().pipe(byKey, Pipeline.via(sums("hopping", Window.hopping("10 seconds", 2000)), { parallelism }))
    case "sessions":
      return first().pipe(
        Pipeline.filter((event) => event.at % 5000 < 3500),
        byKey,
        Pipeline.via(sums("session", Window.session("1 second")), { parallelism })
      )
    case "window join":
      return first().pipe(byKey, Join.window("pairs", second().pipe(byKey), { ...two, size: "1 second" }))
    case "interval join":
      return first().pipe(byKey, Join.interval("near", second().pipe(byKey), { ...two, lower: -200, upper: 200 }))
    case "table join":
      return first().pipe(
        Join.table("named", events("table", 3, 1, 13), {
          out: Schema.String,
          parallelism,
          key: ({ key }) => key,
          rowKey: ({ key }) => key,
          combine: (event, row) => `${event.id} ${row?.id}`
        })
      )
    case "timers":
      return first().pipe(byKey, Pipeline.via(Told, { parallelism }))
    case "side outputs": {
      const told = first().pipe(byKey, Pipeline.via(Told, { parallelism }))
      return told.pipe(Join.union(told.pipe(Pipeline.side("dear"), Pipeline.via(Text, { parallelism }))))
    }
    case "split and union": {
      const parts = first().pipe(Pipeline.split((event) => event.cents % 2 === 0))
      const rest = parts.pipe(Pipeline.side("rest"), Pipeline.rebalance, Pipeline.via(Flat, { parallelism }))
      return parts.pipe(Pipeline.via(Text, { parallelism, disjoint: true }), Join.union(rest))
    }
    case "dead letters": {
      const odd = first().pipe(Pipeline.via(Odd, { parallelism, disjoint: true }))
      return odd.pipe(Join.union(odd.pipe(Pipeline.deadLetters, Pipeline.via(Letters))))
    }
    case "effects behind a broadcast":
      return first().pipe(Pipeline.broadcast, Pipeline.via(Slow, { parallelism, disjoint: true }))
    default:
      throw new RangeError(`no pipeline of kind ${kind}`)
  }
}

/** Those that count elements of a key in their order are the same only if one subtask reads them. */
export const ordered = new Set(["timers", "side outputs"])

export const kinds = [
  "tumbling windows",
  "hopping windows",
  "sessions",
  "window join",
  "interval join",
  "table join",
  "timers",
  "side outputs",
  "split and union",
  "dead letters",
  "effects behind a broadcast"
]

export const ofKind = Pipeline.define("ofKind", {
  in: Schema.Undefined,
  args: Schema.Struct({ kind: Schema.String, sources: Schema.Int, parallelism: Schema.Int }),
  build: (_, { kind, parallelism, sources }): Pipeline.Pipeline<string, Pipeline.PipelineError> =>
    build(kind, sources, parallelism)
})

/** What comes too late for its window, and the windows: in a text each. */
const Windows = sums("windows", Window.tumbling("1 second"))

export const late = Pipeline.define("late", {
  in: Event,
  build: (given) => {
    const windows = given.pipe(
      Pipeline.eventTime((event) => event.at),
      byKey,
      Pipeline.via(Windows, { parallelism: 2 })
    )
    return windows.pipe(Join.union(windows.pipe(Pipeline.side("late"), Pipeline.via(Text))))
  }
})

/** Its elements are large, and every one goes to another subtask. */
const Heavy = Schema.Struct({ id: Schema.Int, text: Schema.String })
const Weigh = Stage.map("weigh", { in: Heavy, out: Heavy, run: (heavy) => heavy })

export const heavy = Pipeline.define("heavy", {
  in: Schema.Int,
  args: Schema.Struct({ bytes: Schema.Int }),
  build: (given, { bytes }) =>
    given.pipe(
      Pipeline.via(
        Stage.map("make", { in: Schema.Int, out: Heavy, run: (id) => ({ id, text: String(id).padEnd(bytes, "x") }) }),
        { disjoint: true }
      ),
      Pipeline.keyBy(({ id }) => id),
      Pipeline.via(Weigh, { parallelism: 2 })
    )
})
