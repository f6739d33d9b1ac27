/**
 * Query 2, selection: the prices of bids on some auctions.
 *
 * @since 0.1.0
 */
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Stage from "@shared-nothing/core/Stage"
import * as Schema from "effect/Schema"
import { Event, query } from "../Query.ts"

export const Selected = Schema.Struct({ auction: Schema.Int, price: Schema.Int })
export type Selected = typeof Selected.Type

/** One auction in so many is looked at. */
export const oneIn = 123

const Select = Stage.filterMap("select", {
  in: Event,
  out: Selected,
  run: (event) =>
    event._tag === "Bid" && event.auction % oneIn === 0 ? { auction: event.auction, price: event.price } : undefined
})

export const q2 = query("q2", (events) => events.pipe(Pipeline.via(Select)))
