/**
 * Query 4, average price for a category: the mean of the winning bids of all its auctions that ended.
 *
 * @since 0.1.0
 */
import * as Aggregate from "@shared-nothing/core/Aggregate"
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Stage from "@shared-nothing/core/Stage"
import * as Window from "@shared-nothing/core/Window"
import * as Schema from "effect/Schema"
import { query } from "../Query.ts"
import { sold } from "../winningBids.ts"

export const CategoryPrice = Schema.Struct({ category: Schema.Int, price: Schema.Number })
export type CategoryPrice = typeof CategoryPrice.Type

const Final = Schema.Struct({ category: Schema.Int, price: Schema.Int })

const Finals = Stage.map("final price", {
  in: sold.Won,
  out: Final,
  run: ({ bid, lot }) => ({ category: lot.category, price: bid.price })
})

const Average = Stage.window("average", {
  in: Final,
  out: CategoryPrice,
  // One window for everything: it goes out at the end.
  window: Window.global(Number.MAX_SAFE_INTEGER),
  aggregate: Aggregate.mean((final: typeof Final.Type) => final.price),
  result: (category: number, price) => ({ category, price })
})

export const q4 = query("q4", (events) =>
  sold(events).pipe(
    Pipeline.via(Finals),
    Pipeline.keyBy(({ category }) => category),
    Pipeline.via(Average)
  )
)
