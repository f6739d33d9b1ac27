/** Who is to blame for the end of a worker that handles several messages at once. */
import { assert, describe, it } from "@effect/vitest"
import * as Supervision from "@shared-nothing/core/Supervision"
import * as WorkerPool from "@shared-nothing/core/WorkerPool"
import * as NodeProcesses from "@shared-nothing/platform/NodeProcesses"
import * as NodeWorkers from "@shared-nothing/platform/NodeWorkers"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { Book } from "./Book.ts"
import { audit } from "./support.ts"

const module = new URL("./Crowd.worker.ts", import.meta.url)
const backends = [
  ["thread", NodeWorkers.layerThreads([Book, module])],
  ["process", NodeProcesses.layer([Book, module])]
] as const

const restart = Supervision.restart(Schedule.spaced("1 millis"), { intensity: { restarts: 100, within: "10 seconds" } })

for (const [place, backend] of backends) {
  describe(`several messages in the hands of a worker in a ${place}`, () => {
    for (const act of ["exit", "reject"] as const) {
      it.live(`one that is its end by ${act}, after a while, is found alone; no other is given up`, () =>
        Effect.gen(function* () {
          const supervision = restart.pipe(Supervision.and(Supervision.poison(2)))
          const pool = yield* WorkerPool.make(Book, { size: 1, initData: {}, supervision })
          const keys = ["a", "b", "c", "d", "e", "f"]
          const pages: Array<typeof Book.message.Type> = keys.flatMap((key) =>
            Array.from({ length: 10 }, (_, id) => ({ key, id }))
          )
          const at = pages.findIndex(({ id, key }) => key === "c" && id === 3)
          yield* pool.sendAll(pages.with(at, { ...pages[at], act }))
          const [letter] = yield* Stream.runCollect(Stream.take(pool.deadLetters, 1))
          assert.deepStrictEqual(letter.message, { key: "c", id: 3, act })
          assert.strictEqual(letter.attempts, 2)
          yield* pool.drained
          assert.deepStrictEqual(yield* audit(pool), { handled: 59, lost: 1, repeated: 0, keys: 6 })
          const { DeadLettered, Failed } = yield* pool.supervised
          assert.strictEqual(DeadLettered, 1)
          // The first time nobody knows whose doing it was.
          assert.isAtMost(Failed, 3)
        }).pipe(Effect.scoped, Effect.provide(backend))
      )
    }

    it.live("is not past its deadline while others come and go", () =>
      Effect.gen(function* () {
        const supervision = restart.pipe(Supervision.and(Supervision.deadline("40 millis")))
        const pool = yield* WorkerPool.make(Book, { size: 1, initData: {}, supervision })
        const keys = Array.from({ length: 40 }, (_, i) => `key-${i}`)
        yield* pool.sendAll(keys.flatMap((key) => Array.from({ length: 20 }, (_, id) => ({ key, id }))))
        yield* pool.drained
        assert.deepStrictEqual(yield* audit(pool), { handled: 800, lost: 0, repeated: 0, keys: 40 })
        assert.strictEqual((yield* pool.supervised).Failed, 0)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  })
}
