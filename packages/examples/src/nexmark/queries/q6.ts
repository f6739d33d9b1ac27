/**
 * Query 6, average selling price by seller: for each auction that ends, the mean of the winning bids
 * of its seller's last ten. Auctions count in the order in which they end, those of one moment by number.
 *
 * @since 0.1.0
 */
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Stage from "@shared-nothing/core/Stage"
import * as Schema from "effect/Schema"
import { query } from "../Query.ts"
import { sold } from "../winningBids.ts"

export const last = 10

export const SellerPrice = Schema.Struct({ seller: Schema.Int, auction: Schema.Int, price: Schema.Number })
export type SellerPrice = typeof SellerPrice.Type

const Sale = Schema.Struct({ seller: Schema.Int, auction: Schema.Int, price: Schema.Int, ended: Schema.Number })
type Sale = typeof Sale.Type

const Sales = Stage.map("sale", {
  in: sold.Won,
  out: Sale,
  run: ({ bid, lot }) => ({ seller: lot.seller, auction: lot.id, price: bid.price, ended: lot.expires })
})

interface State {
  /** Sales that event time has not come to: earlier ones may still come. */
  readonly waiting: Array<Sale>
  readonly prices: Array<number>
}

const Average = Stage.process("average of the last", {
  in: Sale,
  out: SellerPrice,
  init: (): State => ({ waiting: [], prices: [] }),
  handle: ({ waiting }, sale, { timerAt }) => {
    waiting.push(sale)
    timerAt(sale.ended)
  },
  onTimer: ({ prices, waiting }, { emit, time }) => {
    waiting.sort((a, b) => a.ended - b.ended || a.auction - b.auction)
    while (waiting.length > 0 && waiting[0].ended <= time) {
      const { auction, price, seller } = waiting.shift()!
      prices.push(price)
      if (prices.length > last) prices.shift()
      emit({ seller, auction, price: prices.reduce((sum, one) => sum + one, 0) / prices.length })
    }
  }
})

export const q6 = query("q6", (events) =>
  sold(events).pipe(
    Pipeline.via(Sales),
    Pipeline.keyBy(({ seller }) => seller),
    Pipeline.via(Average)
  )
)
