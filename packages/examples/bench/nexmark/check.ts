/**
 * A number for each row of a query, whose sum does not depend on the order of rows: what all subjects
 * must agree on. It looks at every column, and is cheap enough to do for every event.
 *
 * @since 0.1.0
 */
import type { Outcome } from "../harness/Suite.ts"
import type { Event } from "../../src/nexmark/Event.ts"
import type { QueryName } from "../../src/nexmark/queries.ts"
import type { Converted } from "../../src/nexmark/queries/q1.ts"
import type { BidSession } from "../../src/nexmark/queries/q11.ts"
import type { BidCount } from "../../src/nexmark/queries/q12.ts"
import type { Selected } from "../../src/nexmark/queries/q2.ts"
import type { LocalItem } from "../../src/nexmark/queries/q3.ts"
import type { CategoryPrice } from "../../src/nexmark/queries/q4.ts"
import type { Hottest } from "../../src/nexmark/queries/q5.ts"
import type { SellerPrice } from "../../src/nexmark/queries/q6.ts"
import type { HighestBids } from "../../src/nexmark/queries/q7.ts"
import type { NewSeller } from "../../src/nexmark/queries/q8.ts"
import type { Won } from "../../src/nexmark/queries/q9.ts"

/** Mixes numbers into one of 32 bits. */
const mix = (a: number, b: number, c = 0): number =>
  Math.imul(
    Math.imul(Math.imul((a % 4_294_967_296) | 0, 31) ^ ((b % 4_294_967_296) | 0), 0x9e3779b1) ^ (c | 0),
    0x85ebca6b
  ) >>> 8

const text = (value: string): number =>
  value.length * 131 + value.charCodeAt(0) * 31 + value.charCodeAt(value.length - 1)

const offer = (bid: { auction: number; bidder: number; price: number; dateTime: number }): number =>
  mix(mix(bid.auction, bid.bidder), bid.price, bid.dateTime)

const checks = {
  q0: (event: Event) =>
    event._tag === "Bid"
      ? offer(event) + text(event.extra)
      : event._tag === "Auction"
        ? mix(event.id, event.seller, event.reserve) +
          text(event.itemName) +
          text(event.description) +
          text(event.extra)
        : mix(event.id, event.dateTime) + text(event.name) + text(event.email) + text(event.city) + text(event.extra),
  q1: ({ auction, bidder, dateTime, price }: Converted) => mix(mix(auction, bidder), price * 1000, dateTime),
  q2: ({ auction, price }: Selected) => mix(auction, price),
  q3: ({ auction, city, name, state }: LocalItem) => mix(auction, text(name), text(city) + text(state)),
  q4: ({ category, price }: CategoryPrice) => mix(category, price * 1000),
  q5: ({ auctions, bids, start }: Hottest) =>
    mix(
      start,
      bids,
      auctions.reduce((sum, auction) => sum + auction, 0)
    ),
  q6: ({ auction, price, seller }: SellerPrice) => mix(seller, auction, price * 1000),
  q7: ({ bids, start }: HighestBids) => bids.reduce((sum, bid) => sum + offer(bid), start % 1000),
  q8: ({ id, name, start }: NewSeller) => mix(id, start, text(name)),
  q9: ({ bid, lot }: Won) => mix(lot.id, lot.category, lot.expires) + text(lot.itemName) + offer(bid),
  q11: ({ bidder, bids, end, start }: BidSession) => mix(mix(bidder, bids), start, end),
  // Windows by the clock of the machine differ from run to run; how often each bidder bid does not.
  q12: ({ bidder, bids }: BidCount) => bids * mix(bidder, 1)
} as const

/**
 * Adds up the rows of a query.
 *
 * @category models
 * @since 0.1.0
 */
export class Sum {
  rows = 0
  private total = 0
  private readonly check: (row: never) => number
  private readonly name: QueryName

  constructor(name: QueryName) {
    this.name = name
    this.check = checks[name]
  }

  /** Takes the rows of the query. */
  add(rows: ReadonlyArray<unknown>): void {
    const check = this.check as (row: unknown) => number
    let { total } = this
    for (let i = 0; i < rows.length; i++) total += check(rows[i])
    this.total = total
    this.rows += rows.length
  }

  /** The outcome of a run over `events` that took `ms`. */
  outcome(ms: number, events: number): Outcome {
    const isCut = this.name === "q12"
    return {
      metrics: { nsPerEvent: (ms * 1e6) / events, eventsPerSecond: (events / ms) * 1000 },
      expected: this.rows > 0 ? "rows" : "rows, and none came",
      arrived: "rows",
      agreement: `${isCut ? "all" : this.rows} rows of sum ${this.total}`
    }
  }
}
