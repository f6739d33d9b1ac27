/**
 * Query 5, hot items: the auctions with the most bids of the last 10 seconds, every 2 seconds.
 *
 * Bids are counted where they are read, 2 seconds at a time; the owner of an auction adds up the
 * last five counts, and of its auctions only the hottest go on to be compared with others'.
 *
 * @since 0.1.0
 */
import * as Aggregate from "@shared-nothing/core/Aggregate"
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Stage from "@shared-nothing/core/Stage"
import * as Window from "@shared-nothing/core/Window"
import * as Schema from "effect/Schema"
import { Event, query } from "../Query.ts"

export const size = 10_000
export const every = 2_000

/** The hottest auctions of a window, several if they are equal. */
export const Hottest = Schema.Struct({ start: Schema.Number, bids: Schema.Int, auctions: Schema.Array(Schema.Int) })
export type Hottest = typeof Hottest.Type

const Bid = Schema.Struct({ auction: Schema.Int })
const Counts = Stage.Combined(Schema.Int, Schema.Int)
const Heat = Schema.Struct({ start: Schema.Number, auction: Schema.Int, bids: Schema.Int })
type Heat = typeof Heat.Type
const Most = Schema.Struct({ bids: Schema.Int, auctions: Schema.Array(Schema.Int) })
type Most = typeof Most.Type
const Mosts = Stage.Combined(Schema.Number, Most)

const Bids = Stage.filterMap("bids", {
  in: Event,
  out: Bid,
  run: (event) => (event._tag === "Bid" ? event : undefined)
})

const hottest = Aggregate.make<Heat, Most, Most>({
  init: () => ({ bids: 0, auctions: [] }),
  add: (most, { auction, bids }) =>
    bids < most.bids
      ? most
      : bids > most.bids
        ? { bids, auctions: [auction] }
        : { bids, auctions: [...most.auctions, auction] },
  merge: (a, b) =>
    a.bids > b.bids ? a : b.bids > a.bids ? b : { bids: a.bids, auctions: [...a.auctions, ...b.auctions] },
  result: (most) => most
})

const CountHere = Stage.combine("count here", {
  in: Bid,
  out: Counts,
  key: (bid) => bid.auction,
  every,
  aggregate: Aggregate.count
})

const Count = Stage.window("count", {
  in: Counts,
  out: Heat,
  window: Window.hopping(size, every),
  aggregate: Aggregate.combined(Aggregate.count),
  result: (auction: number, bids, { start }) => ({ start, auction, bids })
})

const HottestHere = Stage.combine("hottest here", {
  in: Heat,
  out: Mosts,
  key: ({ start }) => start,
  every,
  aggregate: hottest
})

const HottestOfAll = Stage.window("hottest", {
  in: Mosts,
  out: Hottest,
  window: Window.tumbling(every),
  aggregate: Aggregate.combined(hottest),
  result: (start: number, { auctions, bids }) => ({ start, bids, auctions: auctions.toSorted((a, b) => a - b) })
})

export const q5 = query("q5", (events) =>
  events.pipe(
    Pipeline.via(Bids),
    Pipeline.via(CountHere),
    Pipeline.keyBy(({ key }) => key),
    Pipeline.via(Count),
    Pipeline.via(HottestHere),
    Pipeline.keyBy(({ key }) => key),
    Pipeline.via(HottestOfAll, { parallelism: 1 })
  )
)
