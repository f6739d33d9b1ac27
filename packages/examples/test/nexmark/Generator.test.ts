import { assert, describe, it } from "@effect/vitest"
import type { Event } from "../../src/nexmark/Event.ts"
import { defaults, Generator, type GeneratorOptions } from "../../src/nexmark/Generator.ts"

const generate = (options: Partial<GeneratorOptions> = {}): ReadonlyArray<Event> => {
  const generator = new Generator({ ...defaults, ...options })
  return Array.from({ length: options.events ?? 10_000 }, (_, position) => generator.at(position))
}

describe("Generator", () => {
  it("makes people, auctions and bids as 1 : 3 : 46", () => {
    const counts = new Map<string, number>()
    for (const { _tag } of generate()) counts.set(_tag, (counts.get(_tag) ?? 0) + 1)
    assert.deepStrictEqual(Object.fromEntries(counts), { Person: 200, Auction: 600, Bid: 9200 })
  })

  it("makes an event from the seed and its number alone", () => {
    const events = generate()
    const generator = new Generator(defaults)
    for (const position of [9_999, 17, 4_096, 17]) assert.deepStrictEqual(generator.at(position), events[position])
    assert.notDeepEqual(generate({ seed: 2 }), events)
  })

  it("numbers people and auctions without a gap, in the order of their times", () => {
    const events = generate()
    const ids = (tag: "Person" | "Auction") => events.flatMap((event) => (event._tag === tag ? [event.id] : []))
    assert.deepStrictEqual(
      ids("Person"),
      Array.from({ length: 200 }, (_, i) => 1000 + i)
    )
    assert.deepStrictEqual(
      ids("Auction"),
      Array.from({ length: 600 }, (_, i) => 1000 + i)
    )
    for (let i = 1; i < events.length; i++) assert.isAtLeast(events[i].dateTime, events[i - 1].dateTime)
  })

  it("makes half of the bids for a hot auction", () => {
    const bids = generate().flatMap((event) => (event._tag === "Bid" ? [event] : []))
    const hot = bids.filter(({ auction }) => (auction - 1000) % 100 === 0).length / bids.length
    assert.isTrue(hot > 0.45 && hot < 0.55, `${hot}`)
    for (const { price } of bids) assert.isTrue(price >= 100 && price <= 100_000_000)
  })

  it("shuffles within groups, by no more than it says", () => {
    const shuffled = generate({ outOfOrder: 500 })
    const byText = (events: ReadonlyArray<Event>) => events.map((event) => JSON.stringify(event)).sort()
    assert.deepStrictEqual(byText(shuffled), byText(generate()))
    const { outOfOrderMillis } = new Generator({ ...defaults, outOfOrder: 500 })
    let highest = -Infinity
    let furthest = 0
    for (const { dateTime } of shuffled) {
      furthest = Math.max(furthest, highest - dateTime)
      highest = Math.max(highest, dateTime)
    }
    assert.isTrue(furthest > outOfOrderMillis / 2 && furthest <= outOfOrderMillis, `${furthest}`)
  })
})
