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
import { type Events, Lot, LotsAndOffers, Offer } from "./Query.ts"

export const Won = Schema.Struct({ lot: Lot, bid: Offer })
export type Won = typeof Won.Type

interface State {
  lot: Lot | undefined
  best: Offer | undefined
  /** Bids that came before their auction did. */
  early: Array<Offer> | undefined
}

/** Whether a bid beats another of its auction; the bidder decides between those of one moment. */
export const beats = (bid: Offer, other: Offer): boolean =>
  bid.price !== other.price
    ? bid.price > other.price
    : bid.dateTime !== other.dateTime
      ? bid.dateTime < other.dateTime
      : bid.bidder < other.bidder

const consider = (state: State, lot: Lot, bid: Offer): void => {
  if (bid.dateTime < lot.dateTime || bid.dateTime > lot.expires) return
  if (state.best === undefined || beats(bid, state.best)) state.best = bid
}

const Winning = Stage.process("winning bids", {
  in: Schema.Union([Lot, Offer]),
  out: Won,
  init: (): State => ({ lot: undefined, best: undefined, early: undefined }),
  handle: (state, element, context) => {
    if (element._tag === "Auction") {
      state.lot = element
      for (const bid of state.early ?? []) consider(state, element, bid)
      state.early = undefined
      context.timerAt(element.expires)
    } else if (state.lot !== undefined) consider(state, state.lot, element)
    else if (element.dateTime <= context.watermark) context.forget()
    else {
      // Once event time has come to the bid, its auction would have come as well.
      if (state.early === undefined) context.timerAt(element.dateTime)
      ;(state.early ??= []).push(element)
    }
  },
  onTimer: (state, { emit, forget, time, timerAt }) => {
    const { best, lot } = state
    if (lot === undefined) {
      const left = state.early?.filter((bid) => bid.dateTime > time) ?? []
      if (left.length === 0) return forget()
      state.early = left
      timerAt(left.reduce((first, bid) => Math.min(first, bid.dateTime), Infinity))
    } else if (time >= lot.expires) {
      if (best !== undefined) emit({ lot, bid: best })
      forget()
    }
  }
})

/** The auctions that end, with the bids that won them. */
export const winningBids = (events: Events): Pipeline.Pipeline<Won, Pipeline.PipelineError> =>
  events.pipe(
    Pipeline.via(LotsAndOffers),
    Pipeline.keyBy((element) => (element._tag === "Auction" ? element.id : element.auction)),
    Pipeline.via(Winning)
  )
