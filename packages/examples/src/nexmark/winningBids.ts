/**
 * Auctions with the bid that won: the highest from its beginning up to and with its end, of equal
 * ones the first. An auction goes out when event time has come to its end, with that as its time; one that
 * nobody bid for does not.
 *
 * @since 0.1.0
 */
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Stage from "@shared-nothing/core/Stage"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import { Auction, Event, type Events, Offer, toOffer } from "./Query.ts"

/** What is needed of an auction to know which bid wins it. */
interface Term {
  readonly _tag: "Auction"
  readonly id: number
  readonly dateTime: number
  readonly expires: number
}

interface State<Lot> {
  lot: Lot | undefined
  best: Offer | undefined
  /** Bids that came before their auction did. */
  early: Array<Offer> | undefined
  /** Whether the auction is over. */
  ended: boolean
}

/**
 * How long it is remembered that an auction is over, in milliseconds: people go on bidding for a while, and
 * such bids are not to be taken for early ones. Those that come later are, and are dropped as such.
 */
const remembered = 2000

/** Whether a bid beats another of its auction; the bidder decides between those of one moment. */
export const beats = (bid: Offer, other: Offer): boolean =>
  bid.price !== other.price
    ? bid.price > other.price
    : bid.dateTime !== other.dateTime
      ? bid.dateTime < other.dateTime
      : bid.bidder < other.bidder

const consider = <Lot extends Term>(state: State<Lot>, lot: Lot, bid: Offer): void => {
  if (bid.dateTime < lot.dateTime || bid.dateTime > lot.expires) return
  if (state.best === undefined || beats(bid, state.best)) state.best = bid
}

/**
 * The auctions that end, with the bids that won them; of an auction what `toLot` keeps.
 *
 * @category stages
 * @since 0.1.0
 */
export const winningBids = <Lot extends Term>(lots: Schema.Codec<Lot, unknown>, toLot: (auction: Auction) => Lot) => {
  const Either = Schema.Union([lots, Offer])
  const Won = Schema.Struct({ lot: lots, bid: Offer })

  const LotsAndOffers = Stage.filterMap("auctions and bids", {
    in: Event,
    out: Either,
    run: (event) => (event._tag === "Bid" ? toOffer(event) : event._tag === "Auction" ? toLot(event) : undefined)
  })

  const Winning = Stage.process("winning bids", {
    in: Either,
    out: Won,
    init: (): State<Lot> => ({ lot: undefined, best: undefined, early: undefined, ended: false }),
    handle: (state, element, context) => {
      if (element._tag === "Auction") {
        state.lot = element
        for (const bid of state.early ?? []) consider(state, element, bid)
        state.early = undefined
        context.timerAt(element.expires)
      } else if (state.lot !== undefined) consider(state, state.lot, element)
      else if (state.ended) return
      else if (element.dateTime <= context.watermark) context.forget()
      else if (state.early !== undefined) state.early.push(element)
      else {
        // Once event time has come to the bid, its auction would have come as well.
        state.early = [element]
        context.timerAt(element.dateTime)
      }
    },
    onTimer: (state, { emit, forget, time, timerAt }) => {
      const { best, early, lot } = state
      if (lot === undefined) {
        const left = early?.filter((bid) => bid.dateTime > time) ?? []
        if (left.length === 0) return forget()
        state.early = left
        timerAt(left.reduce((last, bid) => Math.max(last, bid.dateTime), time))
      } else if (time >= lot.expires) {
        if (best !== undefined) emit({ lot, bid: best })
        state.lot = undefined
        state.best = undefined
        state.ended = true
        timerAt(time + remembered)
      }
    }
  })

  const stage = (events: Events) =>
    events.pipe(
      Pipeline.via(LotsAndOffers),
      Pipeline.keyBy((element) => (element._tag === "Auction" ? element.id : element.auction)),
      Pipeline.via(Winning)
    )
  return Object.assign(stage, { Won })
}

/** An auction, as far as it matters to those who only want to know what it brought. */
export const Item = Auction.mapFields(Struct.pick(["_tag", "id", "dateTime", "expires", "seller", "category"]))
export type Item = typeof Item.Type

export const toItem = ({ category, dateTime, expires, id, seller }: Auction): Item => ({
  _tag: "Auction",
  id,
  dateTime,
  expires,
  seller,
  category
})

/** The items that were sold, with the bids that won them. */
export const sold = winningBids(Item, toItem)
