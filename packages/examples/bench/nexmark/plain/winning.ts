/**
 * Auctions that end, with the bids that won them, by hand.
 *
 * @since 0.1.0
 */
import type { Event } from "../../../src/nexmark/Event.ts"
import { type Lot, type Offer, toLot, toOffer } from "../../../src/nexmark/Query.ts"
import { beats, type Item, toItem } from "../../../src/nexmark/winningBids.ts"
import type { Step } from "../Plain.ts"

export const pick = (event: Event): Lot | Offer | undefined =>
  event._tag === "Bid" ? toOffer(event) : event._tag === "Auction" ? toLot(event) : undefined

/** The same for queries that look at less of an auction. */
export const pickItems = (event: Event): Item | Offer | undefined =>
  event._tag === "Bid" ? toOffer(event) : event._tag === "Auction" ? toItem(event) : undefined

export const key = (message: Item | Lot | Offer): number => (message._tag === "Bid" ? message.auction : message.id)

interface Open<Lot> {
  readonly lot: Lot
  best: Offer | undefined
}

/** `make` says what goes on. */
export const step = <Lot extends Item, Out>(
  make: (won: { readonly lot: Lot; readonly bid: Offer }) => Out
): Step<Lot | Offer, Out> => {
  const open = new Map<number, Open<Lot>>()
  /** Bids whose auction has not come: that of a faster thread. */
  const early = new Map<number, Array<Offer>>()
  const consider = (auction: Open<Lot>, bid: Offer): void => {
    const { best, lot } = auction
    if (bid.dateTime < lot.dateTime || bid.dateTime > lot.expires) return
    if (best === undefined || beats(bid, best)) auction.best = bid
  }
  return {
    take: (message) => {
      if (message._tag === "Auction") {
        const auction: Open<Lot> = { lot: message, best: undefined }
        open.set(message.id, auction)
        const waiting = early.get(message.id)
        if (waiting === undefined) return
        early.delete(message.id)
        for (const bid of waiting) consider(auction, bid)
        return
      }
      const auction = open.get(message.auction)
      if (auction !== undefined) return consider(auction, message)
      const waiting = early.get(message.auction)
      if (waiting === undefined) early.set(message.auction, [message])
      else waiting.push(message)
    },
    until: (time, emit) => {
      for (const [id, { best, lot }] of open) {
        if (lot.expires > time) continue
        open.delete(id)
        if (best !== undefined) emit(make({ lot, bid: best }))
      }
      for (const [id, bids] of early) {
        // Their auctions have ended, or do not exist.
        if (bids.every((bid) => bid.dateTime <= time)) early.delete(id)
      }
    }
  }
}
