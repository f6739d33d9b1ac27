/** A pipeline of all kinds of state, on threads that are killed. */
import * as Aggregate from "@shared-nothing/core/Aggregate"
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Source from "@shared-nothing/core/Source"
import * as Stage from "@shared-nothing/core/Stage"
import * as Window from "@shared-nothing/core/Window"
import * as Schema from "effect/Schema"

const Order = Schema.Struct({ id: Schema.Int, customer: Schema.String, at: Schema.Number, cents: Schema.Int })
const Numbered = Schema.Struct({ ...Order.fields, nth: Schema.Int })

const Priced = Stage.map("priced", { in: Order, out: Order, run: (order) => ({ ...order, cents: order.cents + 1 }) })

/** How many orders the customer had so far: wrong as soon as one is lost or comes twice. */
const Nth = Stage.process("nth", {
  in: Order,
  out: Numbered,
  init: () => 0,
  handle: (count, order, { emit }) => {
    emit({ ...order, nth: count + 1 })
    return count + 1
  }
})

/** Which orders of a minute were the how-manieth depends on who is faster; their sum over all minutes does not. */
const Minute = Schema.Struct({ customer: Schema.String, nths: Schema.Int, orders: Schema.String })

const PerMinute = Stage.window("per minute", {
  in: Numbered,
  out: Minute,
  window: Window.tumbling("1 minute"),
  aggregate: Aggregate.struct({
    count: Aggregate.count,
    cents: Aggregate.sum((order: typeof Numbered.Type) => order.cents),
    nths: Aggregate.sum((order: typeof Numbered.Type) => order.nth),
    least: Aggregate.topK(2, (order: typeof Numbered.Type) => -order.id)
  }),
  result: (customer: string, { cents, count, least, nths }, { start }) => ({
    customer,
    nths,
    orders: `${customer} ${start}: ${count} orders, ${cents} cents, first ${least.map(({ id }) => id).join()}`
  })
})

/** Ends the thread that handles a certain order, the first time that anybody does. */
const once = new Set<number>()

const Deadly = Stage.map("deadly", {
  in: Order,
  out: Order,
  run: (order) => {
    if (order.id === 77 && !once.has(order.id)) process.exit(9)
    return order
  }
})

/** What does not depend on who is faster. */
export const summaryOf = (minutes: ReadonlyArray<typeof Minute.Type>) => {
  const nths: Record<string, number> = {}
  for (const minute of minutes) nths[minute.customer] = (nths[minute.customer] ?? 0) + minute.nths
  return { nths, orders: minutes.map(({ orders }) => orders).sort() }
}

export const orders = Pipeline.define("orders", {
  in: Schema.Undefined,
  args: Schema.Struct({ count: Schema.Int, parallelism: Schema.Int }),
  build: (_, { count, parallelism }) =>
    Source.generate("orders", {
      out: Order,
      count,
      parallelism,
      of: (id) => ({ id, customer: `customer ${(id * 7919) % 211}`, at: id * 20, cents: (id * 31) % 1009 })
    }).pipe(
      Pipeline.eventTime((order) => order.at, { outOfOrderness: "1 minute" }),
      Pipeline.via(Priced, { parallelism, disjoint: true }),
      Pipeline.keyBy((order) => order.customer),
      Pipeline.via(Nth, { parallelism }),
      Pipeline.keyBy((order) => order.customer),
      Pipeline.via(PerMinute, { parallelism })
    )
})

/** One that no restart helps. */
export const doomed = Pipeline.define("doomed", {
  in: Schema.Undefined,
  build: () =>
    Source.generate("orders", {
      out: Order,
      count: 1000,
      of: (id) => ({ id, customer: "one", at: id, cents: 1 })
    }).pipe(Pipeline.via(Deadly, { disjoint: true }))
})
