/** Key groups go to other workers and come back, with their state, while random workers are killed. */
import { assert, describe, it } from "@effect/vitest"
import * as Supervision from "@shared-nothing/core/Supervision"
import * as WorkerPool from "@shared-nothing/core/WorkerPool"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as Schedule from "effect/Schedule"
import { Book } from "./Book.ts"
import { audit, backends, dice, full, seed, Source } from "./support.ts"

const seconds = full ? 30 : 3
const soon = Schedule.spaced("1 millis")

const supervision = Supervision.restart(soon, { intensity: { restarts: 1000, within: "10 seconds" } }).pipe(
  Supervision.and(Supervision.retry(soon)),
  Supervision.and(
    Supervision.circuitBreaker({
      per: "keyGroup",
      trip: CircuitBreaker.consecutive(3),
      openDuration: "50 millis",
      whileOpen: "failover"
    })
  )
)

describe("key groups on detours while workers are killed", () => {
  for (const [place, backend] of backends) {
    it.live(
      `loses, repeats and reorders nothing, in a ${place}`,
      () =>
        Effect.gen(function* () {
          const roll = dice(seed)
          const pool = yield* WorkerPool.make(Book, { size: 4, initData: {}, supervision })
          const source = new Source(64)
          const killer = yield* Effect.forkChild(
            Effect.forever(
              Effect.gen(function* () {
                yield* Effect.sleep(250 * (0.5 + roll()))
                const worker = yield* pool.worker(`Book/${Math.floor(roll() * 4)}`)
                if ((yield* worker.state) === "Running") yield* Effect.ignore(worker.kill)
              })
            )
          )
          const began = Date.now()
          while (Date.now() - began < seconds * 1000) {
            const batch = source.take(128)
            const until = Date.now() + 30 + 60 * roll()
            const unlucky = Math.floor(roll() * batch.length)
            yield* pool.sendAll(batch.with(unlucky, { ...batch[unlucky], act: "flaky", until }))
            yield* Effect.sleep("20 millis")
          }
          yield* Fiber.interrupt(killer)
          yield* pool.drained
          const { handled, lost, repeated } = yield* audit(pool)
          const { DeadLettered, Failed, FailedBack, FailedOver } = yield* pool.supervised
          console.log(`seed ${seed}, ${place}: ${source.sent} messages, ${Failed} deaths, ${FailedOver} detours`)
          assert.deepStrictEqual(
            { handled, lost, repeated, DeadLettered },
            { handled: source.sent, lost: 0, repeated: 0, DeadLettered: 0 }
          )
          assert.isAtLeast(Failed, seconds)
          assert.isAtLeast(FailedOver, seconds)
          assert.isAtLeast(FailedBack, 1)
        }).pipe(Effect.scoped, Effect.provide(backend)),
      120_000
    )
  }
})
