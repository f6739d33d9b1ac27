/**
 * What the queries have in common: each is a pipeline that begins with the generator, on as many
 * subtasks as the query has workers, and that threads find by its name.
 *
 * @since 0.1.0
 */
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Source from "@shared-nothing/core/Source"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Struct from "effect/Struct"
import { Auction, Bid, Event, Person } from "./Event.ts"
import { Generator, GeneratorOptions } from "./Generator.ts"

/**
 * @category schemas
 * @since 0.1.0
 */
export const QueryOptions = Schema.Struct({ ...GeneratorOptions.fields, workers: Schema.Int })

/**
 * @category models
 * @since 0.1.0
 */
export type QueryOptions = typeof QueryOptions.Type

/** Events in the order of their numbers, in as many subtasks as there are workers. */
export type Events = Pipeline.Pipeline<Event, Pipeline.PipelineError>

/**
 * A query: the pipeline of its results for some options.
 *
 * @category models
 * @since 0.1.0
 */
export interface Query<out Row> {
  (options: QueryOptions): Pipeline.Pipeline<Row, Pipeline.PipelineError>
}

/**
 * Defines a query.
 *
 * @category constructors
 * @since 0.1.0
 */
export const query = <Row>(
  name: string,
  build: (events: Events, options: QueryOptions) => Pipeline.Pipeline<Row, Pipeline.PipelineError>
): Query<Row> => {
  const definition = Pipeline.define(name, {
    in: Schema.Undefined,
    args: QueryOptions,
    build: (_, options) => build(events(options), options)
  })
  return Object.assign((options: QueryOptions) => definition(Stream.empty, options), {
    "~pipeline": name,
    graph: definition.graph,
    layer: definition.layer
  })
}

const events = (options: QueryOptions): Events => {
  const generator = new Generator(options)
  const timed = Pipeline.eventTime((event: Event) => event.dateTime, { outOfOrderness: generator.outOfOrderMillis })
  return Source.generate("nexmark", {
    out: Event,
    count: options.events,
    of: (position) => generator.at(position),
    parallelism: options.workers
  }).pipe(timed)
}

/** A bid, as far as queries look at it. */
export const Offer = Bid.mapFields(Struct.omit(["extra"]))
export type Offer = typeof Offer.Type

/** An auction, as far as queries look at it. */
export const Lot = Auction.mapFields(Struct.omit(["extra"]))
export type Lot = typeof Lot.Type

/** A bid without its filler. */
export const toOffer = ({ auction, bidder, dateTime, price }: Bid): Offer => ({
  _tag: "Bid",
  auction,
  bidder,
  price,
  dateTime
})

/** An auction without its filler. */
export const toLot = (auction: Auction): Lot => ({
  _tag: "Auction",
  id: auction.id,
  itemName: auction.itemName,
  description: auction.description,
  initialBid: auction.initialBid,
  reserve: auction.reserve,
  dateTime: auction.dateTime,
  expires: auction.expires,
  seller: auction.seller,
  category: auction.category
})

export { Auction, Bid, Event, Person }
