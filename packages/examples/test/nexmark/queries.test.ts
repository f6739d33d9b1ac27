/** Every query against DuckDB over the same events: in order and out of order, at different parallelisms. */
import type { DuckDBConnection } from "@duckdb/node-api"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as PipelineTest from "@shared-nothing/core/PipelineTest"
import * as NodePipelines from "@shared-nothing/platform/NodePipelines"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { defaults, Generator } from "../../src/nexmark/Generator.ts"
import { queries } from "../../src/nexmark/queries.ts"
import type { Query, QueryOptions } from "../../src/nexmark/Query.ts"
import { lines, load, rowsOf, sql } from "./database.ts"

/** The rows of a query as lines, by columns in the order of the SQL; several for a row that holds several. */
const checked =
  <Row>(query: Query<Row>, columns: (row: Row) => ReadonlyArray<ReadonlyArray<unknown>>) =>
  (options: QueryOptions) =>
    Effect.map(Stream.runCollect(query(options)), (rows) => lines(rows.flatMap(columns)))

const { q0, q1, q11, q12, q2, q3, q4, q5, q6, q7, q8, q9 } = queries

const found = {
  q0: checked(q0, (event) => [
    event._tag === "Person"
      ? [event.id, event.dateTime, event.name, event.extra]
      : event._tag === "Auction"
        ? [event.id, event.dateTime, event.itemName, event.extra]
        : [event.auction, event.dateTime, `${event.bidder}`, event.extra]
  ]),
  q1: checked(q1, ({ auction, bidder, dateTime, price }) => [[auction, bidder, price, dateTime]]),
  q2: checked(q2, ({ auction, price }) => [[auction, price]]),
  q3: checked(q3, ({ auction, city, name, state }) => [[name, city, state, auction]]),
  q4: checked(q4, ({ category, price }) => [[category, price]]),
  q5: checked(q5, ({ auctions, bids, start }) => [[start, bids, auctions]]),
  q6: checked(q6, ({ auction, price, seller }) => [[seller, auction, price]]),
  q7: checked(q7, ({ bids, start }) =>
    bids.map(({ auction, bidder, dateTime, price }) => [start, auction, bidder, price, dateTime])
  ),
  q8: checked(q8, ({ id, name, start }) => [[id, name, start]]),
  q9: checked(q9, ({ bid, lot: { _tag, ...lot } }) => [
    [...Object.values(lot), bid.auction, bid.bidder, bid.price, bid.dateTime]
  ]),
  q11: checked(q11, ({ bidder, bids, end, start }) => [[bidder, bids, start, end]])
}

const module = new URL("../../src/nexmark/queries.ts", import.meta.url)

// Query 12 goes by the machine's clock, so its windows are cut anywhere: it has a test of its own.
const names = Object.keys(found) as Array<keyof typeof found>

describe.each([
  { order: "in order", outOfOrder: 1 },
  { order: "out of order", outOfOrder: 500 }
])("NEXMark, events $order", ({ outOfOrder }) => {
  const options = { ...defaults, events: 30_000, eventsPerSecond: 500, outOfOrder }
  let database: DuckDBConnection

  beforeAll(async () => {
    database = await load(options)
  })
  afterAll(() => database.closeSync())

  it.live.each(names)("%s finds what DuckDB finds", (name) =>
    Effect.gen(function* () {
      const expected = yield* Effect.promise(() => rowsOf(database, sql[name]))
      assert.isAbove(expected.length, 4)
      assert.deepStrictEqual(yield* found[name]({ ...options, workers: 1 }), expected)
      assert.deepStrictEqual(yield* found[name]({ ...options, workers: 3 }), expected)
    })
  )

  it.effect("q12 finds what DuckDB finds, window by window, under the kit's clock", () =>
    Effect.gen(function* () {
      const test = yield* PipelineTest.make(q12({ ...options, workers: 2 }))
      const generator = new Generator(options)
      const third = options.events / 3
      for (let window = 0; window < 3; window++) {
        const events = Array.from({ length: third }, (_, i) => generator.at(window * third + i))
        yield* test.feed(events)
        assert.deepStrictEqual(yield* test.output, [])
        yield* test.advance("10 seconds")
        const rows = yield* test.output
        assert.isTrue(rows.every(({ start }) => start === window * 10_000))
        const [from, to] = [bidsBefore(generator, window * third), bidsBefore(generator, (window + 1) * third)]
        const counts = `select bidder, count(*) from (from bid offset ${from} limit ${to - from}) group by bidder`
        const own = yield* Effect.promise(() => rowsOf(database, counts))
        assert.deepStrictEqual(lines(rows.map(({ bidder, bids }) => [bidder, bids])), own)
      }
    })
  )

  it.live.each([
    { place: "threads", layer: NodePipelines.layerThreads(module), some: ["q5", "q6", "q8"] as const },
    { place: "processes", layer: NodePipelines.layerProcesses(module), some: ["q5", "q7"] as const }
  ])("finds the same on $place", ({ layer, some }) =>
    Effect.gen(function* () {
      for (const name of some) {
        const expected = yield* Effect.promise(() => rowsOf(database, sql[name]))
        assert.deepStrictEqual(yield* found[name]({ ...options, workers: 2 }), expected)
      }
    }).pipe(Effect.provide(layer))
  )
})

const bidsBefore = (generator: Generator, position: number): number => {
  let bids = 0
  for (let i = 0; i < position; i++) if (generator.at(i)._tag === "Bid") bids++
  return bids
}
