/**
 * Makes the events of NEXMark. Proportions, identifiers, hot items and prices follow the benchmark
 * (P. Tucker and others, "NEXMark: a benchmark for queries over data streams", 2002) as Apache Beam
 * and Flink carry it on: of 50 events one is a person, three are auctions and 46 are bids; half of
 * the bids go to one hot auction, three quarters of bidders and sellers are hot ones; prices are
 * spread evenly over six powers of ten.
 *
 * An event is a function of the seed and its number, so that splits can be made anywhere.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { Auction, Bid, Event, Person } from "./Event.ts"
import { Random } from "./Random.ts"

/**
 * @category schemas
 * @since 0.1.0
 */
export const GeneratorOptions = Schema.Struct({
  events: Schema.Int,
  seed: Schema.Int,
  /** How many happen in a second of event time. */
  eventsPerSecond: Schema.Number,
  /** Events of so many are shuffled among themselves; 1 is the order in which they happen. */
  outOfOrder: Schema.Int
})

/**
 * @category models
 * @since 0.1.0
 */
export type GeneratorOptions = typeof GeneratorOptions.Type

/**
 * @category constants
 * @since 0.1.0
 */
export const defaults: GeneratorOptions = { events: 100_000, seed: 1, eventsPerSecond: 10_000, outOfOrder: 1 }

/** 2026-01-01 00:00:00 UTC, in milliseconds since the epoch. */
const startAt = 1_767_225_600_000

const round = 50
const auctionsOfRound = 3
const firstId = 1000
const firstCategory = 10
const categories = 5
/** People who sell and bid, and auctions that are bid for: the latest so many. */
const activePeople = 1000
const openAuctions = 100
/** How far identifiers may run ahead of those that exist. */
const lead = 10
/** One in so many people or auctions is hot. */
const hotEvery = 100

const firstNames = ["Ada", "Boris", "Chen", "Dora", "Emil", "Farah", "Greta", "Hugo", "Ines", "Jonas", "Kofi", "Lena"]
const lastNames = ["Adler", "Berg", "Costa", "Dubois", "Engel", "Fischer", "Garcia", "Huber", "Ivanova", "Jung"]
const places = [
  ["Phoenix", "AZ"],
  ["Los Angeles", "CA"],
  ["San Francisco", "CA"],
  ["Boise", "ID"],
  ["Portland", "OR"],
  ["Bend", "OR"],
  ["Seattle", "WA"],
  ["Redmond", "WA"],
  ["Kent", "WA"],
  ["Cheyenne", "WY"]
] as const
const names = firstNames.flatMap((first) => lastNames.map((last) => `${first} ${last}`))
const emails = names.map((name, i) => `${name.toLowerCase().replace(" ", ".")}@mail${i % 7}.example`)
const cards = Array.from({ length: 512 }, (_, i) => `4${String(i * 7919).padStart(3, "0")} 0000 1111 ${2000 + i}`)
const items = Array.from({ length: 256 }, (_, i) => `${["old", "new", "rare", "odd"][i % 4]} item ${i}`)

const longText = 4096
const text = ((): string => {
  const random = new Random(7)
  random.begin(0)
  let made = ""
  while (made.length < longText) made += String.fromCharCode(97 + random.below(26))
  return made
})()

export class Generator {
  /** How much out of order events may come, in milliseconds. */
  readonly outOfOrderMillis: number
  private readonly random: Random
  private readonly millisPerEvent: number
  private readonly group: number

  constructor(options: GeneratorOptions) {
    this.random = new Random(options.seed)
    this.millisPerEvent = 1000 / options.eventsPerSecond
    this.group = options.outOfOrder
    this.outOfOrderMillis = this.group === 1 ? 0 : Math.ceil(this.group * this.millisPerEvent)
  }

  /** The event at a position, from 0. */
  at(position: number): Event {
    const n = this.group === 1 ? position : this.shuffled(position)
    this.random.begin(n)
    const place = n % round
    if (place === 0) return this.person(n)
    return place <= auctionsOfRound ? this.auction(n) : this.bid(n)
  }

  /** A walk through a group by steps of a prime that visits each of its places once. */
  private shuffled(position: number): number {
    const { group } = this
    const place = position % group
    return position - place + ((place * 953) % group)
  }

  private timeOf(n: number): number {
    return startAt + Math.floor(n * this.millisPerEvent)
  }

  private person(n: number): Person {
    const { random } = this
    const who = random.below(names.length)
    const [city, state] = places[random.below(places.length)]
    return {
      _tag: "Person",
      id: firstId + Math.floor(n / round),
      name: names[who],
      email: emails[who],
      creditCard: cards[random.below(cards.length)],
      city,
      state,
      dateTime: this.timeOf(n),
      extra: this.filler(80)
    }
  }

  private auction(n: number): Auction {
    const { random } = this
    const dateTime = this.timeOf(n)
    const initialBid = this.price()
    // So long that as many auctions as are bid for are open on average.
    const horizon = this.timeOf(n + Math.floor((openAuctions * round) / auctionsOfRound)) - dateTime
    return {
      _tag: "Auction",
      id: firstId + lastAuction(n),
      itemName: items[random.below(items.length)],
      description: this.filler(60),
      initialBid,
      reserve: initialBid + this.price(),
      dateTime,
      expires: dateTime + 1 + random.below(Math.max(2 * horizon, 1)),
      seller: firstId + (random.below(4) > 0 ? hot(lastPerson(n)) : this.somebody(n)),
      category: firstCategory + random.below(categories),
      extra: this.filler(150)
    }
  }

  private bid(n: number): Bid {
    const { random } = this
    const last = lastAuction(n)
    const oldest = Math.max(last - openAuctions, 0)
    return {
      _tag: "Bid",
      auction: firstId + (random.below(2) > 0 ? hot(last) : oldest + random.below(last - oldest + 1 + lead)),
      bidder: firstId + (random.below(4) > 0 ? hot(lastPerson(n)) + 1 : this.somebody(n)),
      price: this.price(),
      dateTime: this.timeOf(n),
      extra: this.filler(40)
    }
  }

  /** One of the active people, as a number from 0. */
  private somebody(n: number): number {
    const people = lastPerson(n) + 1
    const active = Math.min(people, activePeople)
    return people - active + this.random.below(active + lead)
  }

  private price(): number {
    return Math.round(10 ** (this.random.next() * 6) * 100)
  }

  private filler(length: number): string {
    const from = this.random.below(longText - length)
    return text.substring(from, from + length)
  }
}

const lastPerson = (n: number): number => Math.floor(n / round)

const lastAuction = (n: number): number => {
  const place = n % round
  const before = Math.floor(n / round) * auctionsOfRound
  return before + Math.min(place, auctionsOfRound) - 1
}

const hot = (last: number): number => Math.floor(Math.max(last, 0) / hotEvery) * hotEvery
