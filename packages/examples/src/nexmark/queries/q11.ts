/**
 * Query 11, user sessions: how often somebody bid without a pause of 10 seconds.
 *
 * @since 0.1.0
 */
import * as Aggregate from "@shared-nothing/core/Aggregate"
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Stage from "@shared-nothing/core/Stage"
import * as Window from "@shared-nothing/core/Window"
import * as Schema from "effect/Schema"
import { Event, query } from "../Query.ts"

export const gap = 10_000

export const BidSession = Schema.Struct({
  bidder: Schema.Int,
  bids: Schema.Int,
  /** The first bid. */
  start: Schema.Number,
  /** `gap` after the last. */
  end: Schema.Number
})
export type BidSession = typeof BidSession.Type

export const Bidding = Schema.Struct({ bidder: Schema.Int })

export const Biddings = Stage.filterMap("bids", {
  in: Event,
  out: Bidding,
  run: (event) => (event._tag === "Bid" ? { bidder: event.bidder } : undefined)
})

const Sessions = Stage.window("sessions", {
  in: Bidding,
  out: BidSession,
  window: Window.session(gap),
  aggregate: Aggregate.count,
  result: (bidder: number, bids, { end, start }) => ({ bidder, bids, start, end })
})

export const q11 = query("q11", (events) =>
  events.pipe(
    Pipeline.via(Biddings),
    Pipeline.keyBy(({ bidder }) => bidder),
    Pipeline.via(Sessions)
  )
)
