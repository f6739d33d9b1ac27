/** Each message counts once in the state, whatever dies when. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as WorkerPool from "../../src/pool/WorkerPool.ts"
import * as Supervision from "../../src/supervision/Supervision.ts"
import * as FiberWorkers from "../../src/worker/FiberWorkers.ts"
import { Crowd, crowd, Forgetful, forgetful, Ledger, ledger, world } from "./Ledger.ts"
import { entries, eventually, fresh, soon } from "./support.ts"

const backend = FiberWorkers.layer([Ledger, ledger], [Crowd, crowd], [Forgetful, forgetful])
const restart = Supervision.restart(soon, {
  intensity: { restarts: 1000, within: "10 seconds" },
  snapshots: { every: 16, within: "5 millis" }
})

describe("a message that waits for its next try, and others behind it that were handled and saved", () => {
  for (const [how, contract] of [
    ["one at a time", Ledger],
    ["several keys at once", Crowd]
  ] as const) {
    it.live(`are counted once, however many lives end before it: ${how}`, () =>
      fresh(
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make(contract as typeof Ledger, {
            size: 1,
            priorities: 2,
            supervision: restart.pipe(Supervision.and(Supervision.retry(Schedule.spaced("40 millis"))))
          })
          const worker = yield* pool.worker(`${contract.workerName}/0`)
          yield* pool.send({ key: "b", id: 0, act: "late" })
          yield* pool.sendAll(entries(["a"], 0, 200))
          yield* pool.sendAll(entries(["c"], 0, 100), { priority: 1 })
          for (let life = 1; life <= 6; life++) {
            yield* eventually(pool, ({ Retrying }) => Retrying >= life)
            yield* Effect.repeat(pool.stats, { until: ([{ handled }]) => handled >= 300, schedule: soon })
            // Each has saved before it passes what its predecessors did: the first try takes longer than that waits.
            yield* Effect.sleep(7 * (life % 3))
            yield* worker.kill
            yield* eventually(pool, ({ Restarted }) => Restarted === life)
          }
          world.allowed.add("b/0")
          yield* pool.drained
          for (const [key, count] of [
            ["a", 200],
            ["b", 1],
            ["c", 100]
          ] as const) {
            const account = yield* pool.ask(key, "Account", { key })
            assert.deepStrictEqual(account, { key, count, last: count - 1, disorders: 0 })
          }
        }).pipe(Effect.scoped, Effect.provide(backend))
      )
    )
  }
})

describe("a retry that throws", () => {
  it.live("gives its message up, and says why", () =>
    fresh(
      Effect.gen(function* () {
        const supervision = restart.pipe(
          Supervision.and(
            Supervision.retry(soon, {
              while: () => {
                throw new TypeError("thrown by while")
              }
            })
          )
        )
        const pool = yield* WorkerPool.make(Forgetful, { size: 1, supervision })
        yield* pool.sendAll([{ key: "a", id: 0, act: "fail" as const }, ...entries(["a"], 1, 10)])
        const [letter] = yield* Stream.runCollect(Stream.take(pool.deadLetters, 1))
        assert.include(String(letter.cause), "thrown by while")
        yield* pool.drained
        assert.strictEqual((yield* pool.ask("a", "Account", { key: "a" })).count, 9)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )
})

describe("failback", () => {
  it.live("of two workers at once brings both back", () =>
    fresh(
      Effect.gen(function* () {
        const supervision = Supervision.restart(Schedule.recurs(0)).pipe(
          Supervision.orElse(Supervision.failover),
          Supervision.and(Supervision.failback(Schedule.spaced("30 millis")))
        )
        const pool = yield* WorkerPool.make(Ledger, { size: 4, supervision })
        for (const id of ["Ledger/0", "Ledger/2"]) yield* Effect.flatMap(pool.worker(id), (worker) => worker.kill)
        yield* eventually(pool, ({ FailedBack }) => FailedBack === 2)
        assert.deepStrictEqual(pool.workerIds, ["Ledger/0", "Ledger/1", "Ledger/2", "Ledger/3"])
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )
})
