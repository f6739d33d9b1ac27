/** A worker that leaks is replaced before it reaches its limit, and nothing is lost by it. */
import { assert, describe, it } from "@effect/vitest"
import * as Supervision from "@shared-nothing/core/Supervision"
import type { SupervisionEvent } from "@shared-nothing/core/SupervisionEvent"
import * as WorkerPool from "@shared-nothing/core/WorkerPool"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Book } from "./Book.ts"
import { audit, backends, full } from "./support.ts"

/** Megabytes of a heap that could not hold what is leaked. */
const heapMegabytes = 96

for (const [name, backend] of backends) {
  describe(`a worker in a ${name} that leaks`, () => {
    for (const [what, act, watermark, count] of [
      ["its heap", "hoard", { share: 0.5 }, full ? 400 : 120],
      ["buffers beside it", "buffer", { megabytes: 150 }, full ? 600 : 250]
    ] as const) {
      it.live(
        `${what}: is replaced in time, and every message counts once`,
        () =>
          Effect.gen(function* () {
            const pool = yield* WorkerPool.make(Book, {
              size: 2,
              capacity: 16,
              initData: {},
              worker: { heapMegabytes },
              supervision: Supervision.restart().pipe(Supervision.and(Supervision.heapWatermark(watermark)))
            })
            const events: Array<SupervisionEvent> = []
            yield* Effect.forkScoped(
              Stream.runForEach(pool.events, (event) => Effect.sync(() => void events.push(event))),
              { startImmediately: true }
            )
            for (let id = 0; id < count; id++) {
              yield* pool.sendAll(["a", "b", "c", "d"].map((key) => (id % 2 === 0 ? { key, id, act } : { key, id })))
            }
            assert.deepStrictEqual(yield* audit(pool), { handled: 4 * count, lost: 0, repeated: 0, keys: 4 })
            const { Failed, Recycled } = yield* pool.supervised
            const millis = events.flatMap((event) => (event._tag === "Recycled" ? [event.millis] : []))
            console.log(
              `${name}, ${what}: replaced ${Recycled} times, each within ${Math.round(Math.max(...millis))} ms, waiting for others included`
            )
            assert.strictEqual(Failed, 0)
            assert.isAtLeast(Recycled, 2)
          }).pipe(Effect.scoped, Effect.provide(backend)),
        { timeout: 60_000 }
      )
    }
  })
}
