/**
 * Query 12, processing-time windows: how often somebody bid in each 10 seconds of the machine's clock.
 *
 * @since 0.1.0
 */
import * as Aggregate from "@shared-nothing/core/Aggregate"
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Stage from "@shared-nothing/core/Stage"
import * as Window from "@shared-nothing/core/Window"
import * as Schema from "effect/Schema"
import { query } from "../Query.ts"
import { Bidding, Biddings } from "./q11.ts"

export const size = 10_000

export const BidCount = Schema.Struct({ bidder: Schema.Int, bids: Schema.Int, start: Schema.Number })
export type BidCount = typeof BidCount.Type

const Count = Stage.window("count", {
  in: Bidding,
  out: BidCount,
  window: Window.tumbling(size, { clock: "processing" }),
  aggregate: Aggregate.count,
  result: (bidder: number, bids, { start }) => ({ bidder, bids, start })
})

export const q12 = query("q12", (events) =>
  events.pipe(
    Pipeline.via(Biddings),
    Pipeline.keyBy(({ bidder }) => bidder),
    Pipeline.via(Count)
  )
)
