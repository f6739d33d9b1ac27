/**
 * All queries by hand.
 *
 * @since 0.1.0
 */
import type { Event } from "../../../src/nexmark/Event.ts"
import { type Offer, toOffer } from "../../../src/nexmark/Query.ts"
import type { QueryName } from "../../../src/nexmark/queries.ts"
import { eurosPerDollar } from "../../../src/nexmark/queries/q1.ts"
import type { BidSession } from "../../../src/nexmark/queries/q11.ts"
import { size as clockSize } from "../../../src/nexmark/queries/q12.ts"
import { oneIn } from "../../../src/nexmark/queries/q2.ts"
import { category, isLocal, type LocalItem } from "../../../src/nexmark/queries/q3.ts"
import { every, type Hottest, size as hotSize } from "../../../src/nexmark/queries/q5.ts"
import { last, type SellerPrice } from "../../../src/nexmark/queries/q6.ts"
import { type HighestBids, size as highestSize } from "../../../src/nexmark/queries/q7.ts"
import { type NewSeller, size as newSize } from "../../../src/nexmark/queries/q8.ts"
import type { AnyPlain, Plain, Step } from "../Plain.ts"
import * as winning from "./winning.ts"
import { tumbling } from "./windows.ts"

const plain = <Message, Row>(query: Plain<Message, Row>): AnyPlain => query as unknown as AnyPlain

type Side =
  | { readonly seller: number; readonly auction: number }
  | { readonly id: number; readonly name: string; readonly city: string; readonly state: string }

const q3 = (): Step<Side, LocalItem> => {
  const sellers = new Map<number, Extract<Side, { readonly id: number }>>()
  const early = new Map<number, Array<number>>()
  return {
    take: (side, emit) => {
      if ("id" in side) {
        const { city, id, name, state } = side
        sellers.set(id, side)
        for (const auction of early.get(id) ?? []) emit({ name, city, state, auction })
        early.delete(id)
        return
      }
      const seller = sellers.get(side.seller)
      if (seller !== undefined) {
        const { city, name, state } = seller
        return emit({ name, city, state, auction: side.auction })
      }
      const waiting = early.get(side.seller)
      if (waiting === undefined) early.set(side.seller, [side.auction])
      else waiting.push(side.auction)
    },
    until: () => {}
  }
}

const averages = (): Step<{ readonly category: number; readonly price: number }, unknown> => {
  const totals = new Map<number, { total: number; count: number }>()
  return {
    take: ({ category: of, price }) => {
      const known = totals.get(of)
      if (known === undefined) totals.set(of, { total: price, count: 1 })
      else {
        known.total += price
        known.count++
      }
    },
    until: (time, emit) => {
      if (time < Infinity) return
      for (const [of, { count, total }] of totals) emit({ category: of, price: total / count })
    }
  }
}

/** Counts of each auction by slices of time, added up for each window. */
const hotItems = (): Step<{ readonly auction: number; readonly dateTime: number }, Hottest> => {
  const slices = new Map<number, Map<number, number>>()
  let next = NaN
  const finish = (start: number): Hottest | undefined => {
    const counts = new Map<number, number>()
    for (let slice = start; slice < start + hotSize; slice += every) {
      for (const [auction, bids] of slices.get(slice) ?? []) counts.set(auction, (counts.get(auction) ?? 0) + bids)
    }
    slices.delete(start)
    let most = 0
    let auctions: Array<number> = []
    for (const [auction, bids] of counts) {
      if (bids > most) {
        most = bids
        auctions = [auction]
      } else if (bids === most) auctions.push(auction)
    }
    return most === 0 ? undefined : { start, bids: most, auctions: auctions.sort((a, b) => a - b) }
  }
  return {
    take: ({ auction, dateTime }) => {
      const slice = dateTime - (dateTime % every)
      let counts = slices.get(slice)
      if (counts === undefined) {
        slices.set(slice, (counts = new Map()))
        const first = slice - hotSize + every
        if (!(first >= next)) next = first
      }
      counts.set(auction, (counts.get(auction) ?? 0) + 1)
    },
    until: (time, emit) => {
      while (slices.size > 0 && next + hotSize - 1 <= time) {
        const found = finish(next)
        next += every
        if (found !== undefined) emit(found)
      }
    }
  }
}

const hottest = () =>
  tumbling<Hottest, Array<Hottest>, Hottest>(
    every,
    // Its last slice: other threads know of the window once they have come to that.
    ({ start }) => start + hotSize - every,
    () => [],
    (all, one) => all.push(one),
    (_, all, emit) => {
      const [{ start }] = all
      const bids = Math.max(...all.map((one) => one.bids))
      const auctions = all.filter((one) => one.bids === bids).flatMap((one) => one.auctions)
      emit({ start, bids, auctions: auctions.sort((a, b) => a - b) })
    }
  )

interface Sale {
  readonly seller: number
  readonly auction: number
  readonly price: number
  readonly ended: number
}

/** Sorts all sales at the end: they come from threads that know nothing of each other's time. */
const lastTen = (): Step<Sale, SellerPrice> => {
  const all = new Map<number, Array<Sale>>()
  return {
    take: (sale) => {
      const known = all.get(sale.seller)
      if (known === undefined) all.set(sale.seller, [sale])
      else known.push(sale)
    },
    until: (time, emit) => {
      if (time < Infinity) return
      for (const [seller, sales] of all) {
        sales.sort((a, b) => a.ended - b.ended || a.auction - b.auction)
        let total = 0
        for (let i = 0; i < sales.length; i++) {
          total += sales[i].price - (i < last ? 0 : sales[i - last].price)
          emit({ seller, auction: sales[i].auction, price: total / Math.min(i + 1, last) })
        }
      }
    }
  }
}

const highest = () =>
  tumbling<Offer, { bids: Array<Offer> }, HighestBids>(
    highestSize,
    (bid) => bid.dateTime,
    () => ({ bids: [] }),
    (state, bid) => {
      const [best] = state.bids
      if (best === undefined || bid.price > best.price) state.bids = [bid]
      else if (bid.price === best.price) state.bids.push(bid)
    },
    (start, { bids }, emit) => emit({ start, bids })
  )

const highestOfAll = () =>
  tumbling<HighestBids, Array<HighestBids>, HighestBids>(
    highestSize,
    ({ start }) => start,
    () => [],
    (all, one) => all.push(one),
    (start, all, emit) => {
      const most = Math.max(...all.map(({ bids }) => bids[0].price))
      emit({ start, bids: all.flatMap(({ bids }) => (bids[0].price === most ? bids : [])) })
    }
  )

type Newcomer =
  | { readonly id: number; readonly name: string; readonly dateTime: number }
  | { readonly seller: number; readonly dateTime: number }

const newSellers = () =>
  tumbling<Newcomer, { readonly people: Map<number, string>; readonly sellers: Set<number> }, NewSeller>(
    newSize,
    ({ dateTime }) => dateTime,
    () => ({ people: new Map(), sellers: new Set() }),
    ({ people, sellers }, one) => {
      if ("id" in one) people.set(one.id, one.name)
      else sellers.add(one.seller)
    },
    (start, { people, sellers }, emit) => {
      for (const [id, name] of people) if (sellers.has(id)) emit({ id, name, start })
    }
  )

interface Bidding {
  readonly bidder: number
  readonly dateTime: number
}

const gap = 10_000

/** A bidder has several open sessions while one thread is ahead of another. */
const sessions = (): Step<Bidding, BidSession> => {
  const open = new Map<number, Array<{ first: number; last: number; bids: number }>>()
  return {
    take: ({ bidder, dateTime }) => {
      const all = open.get(bidder)
      if (all === undefined) {
        open.set(bidder, [{ first: dateTime, last: dateTime, bids: 1 }])
        return
      }
      const near = all.filter((one) => dateTime < one.last + gap && dateTime > one.first - gap)
      if (near.length === 0) {
        all.push({ first: dateTime, last: dateTime, bids: 1 })
        return
      }
      const [one, ...others] = near
      one.first = Math.min(one.first, dateTime)
      one.last = Math.max(one.last, dateTime)
      one.bids++
      for (const other of others) {
        one.first = Math.min(one.first, other.first)
        one.last = Math.max(one.last, other.last)
        one.bids += other.bids
        all.splice(all.indexOf(other), 1)
      }
    },
    until: (time, emit) => {
      for (const [bidder, all] of open) {
        for (let i = all.length - 1; i >= 0; i--) {
          const { bids, first, last: latest } = all[i]
          if (latest + gap - 1 > time) continue
          all.splice(i, 1)
          emit({ bidder, bids, start: first, end: latest + gap })
        }
        if (all.length === 0) open.delete(bidder)
      }
    }
  }
}

const byClock = (): Step<{ readonly bidder: number }, unknown> => {
  let counts = new Map<number, number>()
  let start = NaN
  return {
    take: ({ bidder }) => {
      counts.set(bidder, (counts.get(bidder) ?? 0) + 1)
    },
    until: (time, emit) => {
      const now = Date.now()
      const current = now - (now % clockSize)
      if (current === start && time < Infinity) return
      for (const [bidder, bids] of counts) emit({ bidder, bids, start })
      counts = new Map()
      start = current
    }
  }
}

const bidOf = <Out>(event: Event, make: (bid: Extract<Event, { readonly _tag: "Bid" }>) => Out): Out | undefined =>
  event._tag === "Bid" ? make(event) : undefined

/**
 * By name.
 *
 * @category queries
 * @since 0.1.0
 */
export const plains: { readonly [Name in QueryName]: AnyPlain } = {
  q0: plain({ pick: (event) => event }),
  q1: plain({
    pick: (event) =>
      bidOf(event, ({ auction, bidder, dateTime, price }) => ({
        auction,
        bidder,
        price: eurosPerDollar * price,
        dateTime
      }))
  }),
  q2: plain({
    pick: (event) => bidOf(event, ({ auction, price }) => (auction % oneIn === 0 ? { auction, price } : undefined))
  }),
  q3: plain<Side, LocalItem>({
    pick: (event) => {
      if (event._tag === "Auction") {
        return event.category === category ? { seller: event.seller, auction: event.id } : undefined
      }
      if (event._tag === "Bid" || !isLocal(event.state)) return undefined
      return { id: event.id, name: event.name, city: event.city, state: event.state }
    },
    key: (side) => ("id" in side ? side.id : side.seller),
    step: q3
  }),
  q4: plain({
    pick: winning.pickItems,
    key: winning.key,
    step: () => winning.step(({ bid, lot }) => ({ category: lot.category, price: bid.price })),
    merge: averages
  }),
  q5: plain({
    pick: (event) => bidOf(event, ({ auction, dateTime }) => ({ auction, dateTime })),
    key: ({ auction }) => auction,
    step: hotItems,
    merge: hottest
  }),
  q6: plain({
    pick: winning.pickItems,
    key: winning.key,
    step: () =>
      winning.step(({ bid, lot }): Sale => ({
        seller: lot.seller,
        auction: lot.id,
        price: bid.price,
        ended: lot.expires
      })),
    merge: lastTen
  }),
  q7: plain({ pick: (event) => bidOf(event, toOffer), step: highest, merge: highestOfAll }),
  q8: plain<Newcomer, NewSeller>({
    pick: (event) =>
      event._tag === "Bid"
        ? undefined
        : event._tag === "Auction"
          ? { seller: event.seller, dateTime: event.dateTime }
          : { id: event.id, name: event.name, dateTime: event.dateTime },
    key: (one) => ("id" in one ? one.id : one.seller),
    step: newSellers
  }),
  q9: plain({ pick: winning.pick, key: winning.key, step: () => winning.step((won) => won) }),
  q11: plain({
    pick: (event) => bidOf(event, ({ bidder, dateTime }) => ({ bidder, dateTime })),
    key: ({ bidder }) => bidder,
    step: sessions
  }),
  q12: plain({
    pick: (event) => bidOf(event, ({ bidder }) => ({ bidder })),
    key: ({ bidder }) => bidder,
    step: byClock
  })
}
