/**
 * Query 8, monitor new users: who opened an auction within the 10 seconds in which they joined.
 *
 * @since 0.1.0
 */
import * as Aggregate from "@shared-nothing/core/Aggregate"
import * as Join from "@shared-nothing/core/Join"
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Stage from "@shared-nothing/core/Stage"
import * as Window from "@shared-nothing/core/Window"
import * as Schema from "effect/Schema"
import { Event, query } from "../Query.ts"

export const size = 10_000

export const NewSeller = Schema.Struct({ id: Schema.Int, name: Schema.String, start: Schema.Number })
export type NewSeller = typeof NewSeller.Type

const Joined = Schema.TaggedStruct("Person", { id: Schema.Int, name: Schema.String })
const Seller = Schema.TaggedStruct("Auction", { seller: Schema.Int })
const Either = Schema.Union([Joined, Seller])
const Selling = Schema.Struct({ seller: Schema.Int, start: Schema.Number })

// Bids stay where they are read: two stages go on from here, so what is left is sent to both.
const Few = Stage.filterMap("people and sellers", {
  in: Event,
  out: Either,
  run: (event) =>
    event._tag === "Bid"
      ? undefined
      : event._tag === "Person"
        ? { _tag: "Person" as const, id: event.id, name: event.name }
        : { _tag: "Auction" as const, seller: event.seller }
})

const People = Stage.filterMap("people", {
  in: Either,
  out: Joined,
  run: (one) => (one._tag === "Person" ? one : undefined)
})

const Sellers = Stage.filterMap("sellers", {
  in: Either,
  out: Seller,
  run: (one) => (one._tag === "Auction" ? one : undefined)
})

const Distinct = Stage.window("once a window", {
  in: Seller,
  out: Selling,
  window: Window.tumbling(size),
  aggregate: Aggregate.count,
  result: (seller: number, _, { start }) => ({ seller, start })
})

export const q8 = query("q8", (events) => {
  const few = events.pipe(Pipeline.via(Few))
  const sellers = few.pipe(
    Pipeline.via(Sellers),
    Pipeline.keyBy(({ seller }) => seller),
    Pipeline.via(Distinct),
    Pipeline.keyBy(({ seller }) => seller)
  )
  return few.pipe(
    Pipeline.via(People),
    Pipeline.keyBy(({ id }) => id),
    Join.window("new sellers", sellers, {
      size,
      out: NewSeller,
      combine: ({ id, name }, { start }) => ({ id, name, start })
    })
  )
})
