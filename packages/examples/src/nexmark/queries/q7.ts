/**
 * Query 7, highest bid: the highest bids of each 10 seconds, several if they are equal. Each subtask
 * finds its own where it reads, and those are compared at the end.
 *
 * @since 0.1.0
 */
import * as Aggregate from "@shared-nothing/core/Aggregate"
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Stage from "@shared-nothing/core/Stage"
import * as Window from "@shared-nothing/core/Window"
import * as Schema from "effect/Schema"
import { Bid, Event, Offer, query, toOffer } from "../Query.ts"

export const size = 10_000

export const HighestBids = Schema.Struct({ start: Schema.Number, bids: Schema.Array(Offer) })
export type HighestBids = typeof HighestBids.Type

const Highest = Stage.Combined(Schema.Int, Schema.Array(Offer))

const Bids = Stage.filterMap("bids", {
  in: Event,
  out: Bid,
  run: (event) => (event._tag === "Bid" ? event : undefined)
})

const highest = Aggregate.make<Bid, ReadonlyArray<Offer>, ReadonlyArray<Offer>>({
  init: () => [],
  add: (best, bid) =>
    best.length === 0 || bid.price > best[0].price
      ? [toOffer(bid)]
      : bid.price < best[0].price
        ? best
        : [...best, toOffer(bid)],
  merge: (a, b) =>
    a.length === 0 || (b.length > 0 && b[0].price > a[0].price)
      ? b
      : b.length === 0 || a[0].price > b[0].price
        ? a
        : [...a, ...b],
  result: (best) => best
})

const HighestHere = Stage.combine("highest here", {
  in: Bid,
  out: Highest,
  key: () => 0,
  every: size,
  aggregate: highest
})

const HighestOfAll = Stage.window("highest", {
  in: Highest,
  out: HighestBids,
  window: Window.tumbling(size),
  aggregate: Aggregate.combined(highest),
  result: (_: number, bids, { start }) => ({ start, bids })
})

export const q7 = query("q7", (events) =>
  events.pipe(
    Pipeline.via(Bids),
    Pipeline.via(HighestHere),
    Pipeline.keyBy(({ key }) => key),
    Pipeline.via(HighestOfAll, { parallelism: 1 })
  )
)
