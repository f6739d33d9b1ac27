/**
 * The three kinds of event of an online auction, as NEXMark has them: people who join, auctions that
 * they open, bids on auctions. Times are milliseconds since the epoch, prices cents.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * @category schemas
 * @since 0.1.0
 */
export const Person = Schema.TaggedStruct("Person", {
  id: Schema.Int,
  name: Schema.String,
  email: Schema.String,
  creditCard: Schema.String,
  city: Schema.String,
  state: Schema.String,
  dateTime: Schema.Number,
  /** Fills the record up to a realistic size. */
  extra: Schema.String
})
export type Person = typeof Person.Type

/**
 * @category schemas
 * @since 0.1.0
 */
export const Auction = Schema.TaggedStruct("Auction", {
  id: Schema.Int,
  itemName: Schema.String,
  description: Schema.String,
  initialBid: Schema.Int,
  reserve: Schema.Int,
  dateTime: Schema.Number,
  /** Bids count up to and with this moment. */
  expires: Schema.Number,
  seller: Schema.Int,
  category: Schema.Int,
  extra: Schema.String
})
export type Auction = typeof Auction.Type

/**
 * @category schemas
 * @since 0.1.0
 */
export const Bid = Schema.TaggedStruct("Bid", {
  auction: Schema.Int,
  bidder: Schema.Int,
  price: Schema.Int,
  dateTime: Schema.Number,
  extra: Schema.String
})
export type Bid = typeof Bid.Type

/**
 * @category schemas
 * @since 0.1.0
 */
export const Event = Schema.Union([Person, Auction, Bid])
export type Event = typeof Event.Type
