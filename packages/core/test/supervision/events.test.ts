/** What the events of a pool say of the messages that they are about. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as WorkerPool from "../../src/pool/WorkerPool.ts"
import * as Supervision from "../../src/supervision/Supervision.ts"
import type { SupervisionEvent } from "../../src/supervision/SupervisionEvent.ts"
import * as FiberWorkers from "../../src/worker/FiberWorkers.ts"
import * as Worker from "../../src/worker/Worker.ts"
import { soon } from "./support.ts"

const Order = Schema.Struct({ shop: Schema.Union([Schema.String, Schema.Int, Schema.BigInt]) })

class Orders extends Worker.Service<Orders>()("Orders", { message: Order, key: ({ shop }) => shop }) {}

const couple = Orders.toLayer({
  init: Effect.void,
  handleBatch: () => {
    throw new Error("closed")
  }
})

const ways = {
  "plain code": Orders.toLayer({
    init: Effect.void,
    handle: () => {
      throw new Error("closed")
    }
  }),
  Effects: Orders.toLayer({ init: Effect.void, handle: () => Effect.fail("closed"), concurrency: 4 }),
  "batches of one": Orders.toLayer({
    init: Effect.void,
    handleBatch: () => {
      throw new Error("closed")
    },
    batchSize: 1
  })
}

/** What the next so many events about messages say. */
const keysOf = (events: Stream.Stream<SupervisionEvent>, count: number) =>
  events.pipe(
    Stream.filter((event) => event._tag === "Retrying" || event._tag === "DeadLettered"),
    Stream.map((event) => [event._tag, event.key]),
    Stream.take(count),
    Stream.runCollect
  )

describe("what events say of a message", () => {
  for (const [name, layer] of Object.entries(ways)) {
    it.live(`is its key, as the contract gives it: ${name}`, () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Orders, {
          size: 1,
          supervision: Supervision.retry(Schedule.max([Schedule.recurs(1), soon]))
        })
        const said = yield* Effect.forkChild(keysOf(pool.events, 6), { startImmediately: true })
        const shops = ["a", 7, 8n] as const
        for (const shop of shops) {
          yield* pool.send({ shop })
          yield* pool.drained
        }
        assert.deepStrictEqual(
          yield* Fiber.join(said),
          shops.flatMap((shop) => [
            ["Retrying", shop],
            ["DeadLettered", shop]
          ])
        )
      }).pipe(Effect.scoped, Effect.provide(FiberWorkers.layer([Orders, layer])))
    )
  }

  it.live("is none of several in a batch, until each is given up", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Orders, {
        size: 1,
        supervision: Supervision.retry(Schedule.max([Schedule.recurs(1), soon]))
      })
      const said = yield* Effect.forkChild(keysOf(pool.events, 3), { startImmediately: true })
      yield* pool.sendAll([{ shop: "a" }, { shop: "b" }])
      assert.deepStrictEqual(yield* Fiber.join(said), [
        ["Retrying", undefined],
        ["DeadLettered", "a"],
        ["DeadLettered", "b"]
      ])
    }).pipe(Effect.scoped, Effect.provide(FiberWorkers.layer([Orders, couple])))
  )
})
