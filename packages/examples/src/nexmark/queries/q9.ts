/**
 * Query 9, winning bids: each auction that ends, with the bid that won it.
 *
 * @since 0.1.0
 */
import { Lot, query, toLot } from "../Query.ts"
import { winningBids } from "../winningBids.ts"

const won = winningBids(Lot, toLot)
export type Won = typeof won.Won.Type

export const q9 = query("q9", won)
