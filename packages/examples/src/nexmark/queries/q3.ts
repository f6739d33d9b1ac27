/**
 * Query 3, local item suggestion: who sells in category 10 and lives in Oregon, Idaho or California.
 * People and auctions are joined as they come, whoever comes first, for as long as the query runs.
 *
 * @since 0.1.0
 */
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Stage from "@shared-nothing/core/Stage"
import * as Schema from "effect/Schema"
import { Event, query } from "../Query.ts"

export const LocalItem = Schema.Struct({
  name: Schema.String,
  city: Schema.String,
  state: Schema.String,
  auction: Schema.Int
})
export type LocalItem = typeof LocalItem.Type

export const category = 10
export const isLocal = (state: string): boolean => state === "OR" || state === "ID" || state === "CA"

const Seller = Schema.TaggedStruct("Seller", {
  id: Schema.Int,
  name: Schema.String,
  city: Schema.String,
  state: Schema.String
})
const Item = Schema.TaggedStruct("Item", { auction: Schema.Int, seller: Schema.Int })
const Side = Schema.Union([Seller, Item])

const Sides = Stage.filterMap("local", {
  in: Event,
  out: Side,
  run: (event) => {
    if (event._tag === "Auction") {
      return event.category === category
        ? { _tag: "Item" as const, auction: event.id, seller: event.seller }
        : undefined
    }
    if (event._tag === "Bid" || !isLocal(event.state)) return undefined
    return { _tag: "Seller" as const, id: event.id, name: event.name, city: event.city, state: event.state }
  }
})

interface State {
  seller: typeof Seller.Type | undefined
  /** Auctions that came before their seller. */
  early: Array<number>
}

const Suggest = Stage.process("suggest", {
  in: Side,
  out: LocalItem,
  init: (): State => ({ seller: undefined, early: [] }),
  handle: (state, side, { emit }) => {
    if (side._tag === "Seller") {
      const { city, name, state: home } = side
      for (const auction of state.early) emit({ name, city, state: home, auction })
      state.seller = side
      state.early = []
    } else if (state.seller === undefined) state.early.push(side.auction)
    else {
      const { city, name, state: home } = state.seller
      emit({ name, city, state: home, auction: side.auction })
    }
  }
})

export const q3 = query("q3", (events) =>
  events.pipe(
    Pipeline.via(Sides),
    Pipeline.keyBy((side) => (side._tag === "Seller" ? side.id : side.seller)),
    Pipeline.via(Suggest)
  )
)
