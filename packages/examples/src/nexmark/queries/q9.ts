/**
 * Query 9, winning bids: each auction that ends, with the bid that won it.
 *
 * @since 0.1.0
 */
import { query } from "../Query.ts"
import { winningBids } from "../winningBids.ts"

export const q9 = query("q9", winningBids)
