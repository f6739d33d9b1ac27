/**
 * Query 1, currency conversion: the price of each bid in euros.
 *
 * @since 0.1.0
 */
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Stage from "@shared-nothing/core/Stage"
import * as Schema from "effect/Schema"
import { Event, query } from "../Query.ts"

export const Converted = Schema.Struct({
  auction: Schema.Int,
  bidder: Schema.Int,
  /** Cents, not rounded. */
  price: Schema.Number,
  dateTime: Schema.Number
})
export type Converted = typeof Converted.Type

export const eurosPerDollar = 0.908

const Convert = Stage.filterMap("in euros", {
  in: Event,
  out: Converted,
  run: (event) =>
    event._tag === "Bid"
      ? {
          auction: event.auction,
          bidder: event.bidder,
          price: eurosPerDollar * event.price,
          dateTime: event.dateTime
        }
      : undefined
})

export const q1 = query("q1", (events) => events.pipe(Pipeline.via(Convert)))
