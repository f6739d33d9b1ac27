/**
 * Runs a query of NEXMark on threads: `node packages/examples/src/nexmark/main.ts --query q5`.
 *
 * @since 0.1.0
 */
import { parseArgs } from "node:util"
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as NodePipelines from "@shared-nothing/platform/NodePipelines"
import * as PipelineView from "@shared-nothing/platform/PipelineView"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { defaults } from "./Generator.ts"
import { queries, type QueryName } from "./queries.ts"
import type { Query } from "./Query.ts"

const usage = `usage: node main.ts --query QUERY [options]

  --query         one of ${Object.keys(queries).join(", ")}
  --events        how many events (1000000)
  --workers       subtasks of each stage (2)
  --seed          of the generator (${defaults.seed})
  --rate          events in a second of event time (${defaults.eventsPerSecond})
  --out-of-order  events of so many are shuffled among themselves (${defaults.outOfOrder})
  --rows          how many results to print (5)
  --watch         show rates, depth and event time while it runs
`

const isQuery = (name: string | undefined): name is QueryName => name !== undefined && Object.hasOwn(queries, name)

const parse = () =>
  parseArgs({
    options: {
      query: { type: "string" },
      events: { type: "string", default: "1000000" },
      workers: { type: "string", default: "2" },
      seed: { type: "string", default: `${defaults.seed}` },
      rate: { type: "string", default: `${defaults.eventsPerSecond}` },
      "out-of-order": { type: "string", default: `${defaults.outOfOrder}` },
      rows: { type: "string", default: "5" },
      watch: { type: "boolean", default: false }
    }
  }).values

const fail = (message: string): never => {
  process.stderr.write(`${message}\n\n${usage}`)
  process.exit(1)
}

const positive = (option: string, text: string): number => {
  const value = Number(text)
  return Number.isInteger(value) && value >= 1 ? value : fail(`--${option} ${text}: not a whole number of at least 1`)
}

const values = ((): ReturnType<typeof parse> => {
  try {
    return parse()
  } catch (cause) {
    return fail(cause instanceof Error ? cause.message : String(cause))
  }
})()
if (!isQuery(values.query)) fail(`--query ${values.query ?? ""}: no such query`)
else {
  const query: Query<unknown> = queries[values.query]
  const options = {
    events: positive("events", values.events),
    workers: positive("workers", values.workers),
    seed: positive("seed", values.seed),
    eventsPerSecond: positive("rate", values.rate),
    outOfOrder: positive("out-of-order", values["out-of-order"])
  }
  const shown = positive("rows", values.rows)
  const program = Effect.gen(function* () {
    const pipeline = query(options)
    process.stderr.write(`${yield* Pipeline.explain(pipeline)}\n`)
    const running = yield* Pipeline.run(pipeline)
    const view = values.watch ? yield* Effect.forkScoped(PipelineView.show(running)) : undefined
    const from = performance.now()
    let rows = 0
    const first: Array<unknown> = []
    yield* Stream.runForEachArray(running.output, (all) =>
      Effect.sync(() => {
        for (const row of all) if (rows++ < shown) first.push(row)
      })
    )
    const seconds = (performance.now() - from) / 1000
    // Rows among what is drawn over would be drawn over too.
    if (view !== undefined) yield* Fiber.join(view)
    for (const row of first) process.stdout.write(`${JSON.stringify(row)}\n`)
    process.stderr.write(
      `${rows} rows of ${options.events} events in ${seconds.toFixed(2)} s, ${Math.round(options.events / seconds)} events/s\n`
    )
  })
  await program.pipe(
    Effect.scoped,
    Effect.provide(NodePipelines.layerThreads(new URL("./queries.ts", import.meta.url))),
    Effect.runPromise
  )
}
