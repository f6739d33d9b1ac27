import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as Schedule from "effect/Schedule"
import * as WorkerPool from "../../src/pool/WorkerPool.ts"
import * as Supervision from "../../src/supervision/Supervision.ts"
import * as FiberWorkers from "../../src/worker/FiberWorkers.ts"
import * as Worker from "../../src/worker/Worker.ts"
import { Entry, Forgetful, forgetful, Ledger, ledger, world } from "./Ledger.ts"
import { entries, eventually, fresh, groupOf, soon } from "./support.ts"

class Crew extends Worker.Service<Crew>()("Crew", { message: Entry, key: ({ key }) => key }) {}

const crew = Crew.toLayer({ init: Effect.void, handle: () => Effect.never, concurrency: 2 })

const backend = FiberWorkers.layer([Ledger, ledger], [Forgetful, forgetful], [Crew, crew])

/** Saves nothing unless it has to. */
const seldom = Supervision.restart(undefined, { snapshots: { every: 1000, within: "1 hour" } })

/** Waits until a line of what a pool says of itself is there. */
const says = (pool: { readonly describe: Effect.Effect<string> }, line: RegExp) =>
  Effect.repeat(pool.describe, { until: (text) => line.test(text), schedule: soon })

describe("what a pool says of its messages", () => {
  it.live("tells those that wait to be handled from those whose effect waits to be saved", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, { size: 1, supervision: seldom })
        yield* pool.sendAll(entries(["a"], 0, 7))
        yield* says(pool, /^ {2}Ledger\/0 {2}Running {2}handled 7 {2}waiting 0 {2}handled, not saved yet 7$/m)
        const [{ depth, taken }] = yield* pool.stats
        assert.deepStrictEqual([depth, taken], [7, 7])
        const worker = yield* pool.worker("Ledger/0")
        yield* worker.pause
        yield* pool.sendAll(entries(["a"], 0, 3))
        yield* says(pool, /waiting 3 {2}handled, not saved yet 7$/m)
        yield* worker.resume
        yield* says(pool, /waiting 0 {2}handled, not saved yet 10$/m)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("does not call saved what is in hand", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, { size: 1, supervision: seldom, shutdownTimeout: 1 })
        yield* pool.sendAll([...entries(["a"], 0, 2), { key: "a", id: 2, act: "hang" }, { key: "a", id: 3 }])
        yield* says(pool, /handled 2 {2}waiting 2 {2}in hand or not saved yet 2$/m)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("has nothing to save where there is no state", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Crew, { size: 1, shutdownTimeout: 1 })
        yield* pool.sendAll([..."abc"].map((key) => ({ key, id: 0, act: "hang" as const })))
        yield* says(pool, /handled 0 {2}waiting 1 {2}in hand 2$/m)
        yield* (yield* pool.worker("Crew/0")).kill
        yield* says(pool, /Stopped {2}handled 0 {2}waiting 3$/m)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("names the keys that wait for their next try, behind an open circuit too", () =>
    fresh(
      Effect.gen(function* () {
        const retry = Supervision.retry(Schedule.spaced("1 millis"))
        const pool = yield* WorkerPool.make(Ledger, {
          size: 1,
          supervision: seldom.pipe(
            Supervision.and(retry),
            Supervision.and(
              Supervision.circuitBreaker({
                per: "keyGroup",
                trip: CircuitBreaker.consecutive(2),
                openDuration: "1 hour"
              })
            )
          )
        })
        yield* pool.sendAll([{ key: "b", id: 0, act: "fail" }, ...entries(["a", "b"], 1, 4)])
        yield* says(pool, /^ {2}Ledger\/0 tries again: key b \(failed 2 times\)$/m)
        assert.include(yield* pool.describe, `circuit of Ledger/0, key group ${groupOf("b")}: open`)
        yield* pool.sendAll([..."cdefg"].map((key) => ({ key, id: 0, act: "fail" as const })))
        yield* eventually(pool, ({ CircuitOpened }) => CircuitOpened === 6)
        yield* says(
          pool,
          /^ {2}Ledger\/0 tries again: key b .*, key c .*, key d .*, key e \(failed 2 times\), 2 more$/m
        )
        for (const key of "bcdefg") world.allowed.add(`${key}/0`)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )

  it.live("has forgotten what was handled at last", () =>
    fresh(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Forgetful, {
          size: 1,
          supervision: Supervision.retry(soon)
        })
        yield* pool.send({ key: "a", id: 0, act: "fail" })
        yield* says(pool, /tries again: key a \(failed \d+ times\)$/m)
        world.allowed.add("a/0")
        yield* pool.drained
        assert.notInclude(yield* pool.describe, "tries again")
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  )
})
