/** Scenarios 2 to 4: poison, handlers that never return, and workers that end in every way there is. */
import { assert, describe, it } from "@effect/vitest"
import * as Supervision from "@shared-nothing/core/Supervision"
import * as WorkerPool from "@shared-nothing/core/WorkerPool"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { Book } from "./Book.ts"
import { audit, type BookPool, percentile, threads } from "./support.ts"

const restart = Supervision.restart(Schedule.spaced("1 millis"), { intensity: { restarts: 100, within: "10 seconds" } })

const page = (key: string, from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => ({ key, id: from + i }))

/** Waits until `count` dead letters have come. */
const letters = (pool: BookPool, count: number) => Stream.runCollect(Stream.take(pool.deadLetters, count))

const name = "a worker in a thread"

describe(`${name}: poison`, () => {
  for (const act of ["throw", "exit", "reject"] as const) {
    it.live(`a message of ${act} is a dead letter after three deaths, and the rest of its key goes on`, () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Book, { size: 2, initData: {}, supervision: restart })
        const { act: _, ...poison } = { key: "a", id: 10, act }
        yield* pool.sendAll([...page("a", 0, 10), { ...poison, act }, ...page("a", 11, 20), ...page("b", 0, 20)])
        const [letter] = yield* letters(pool, 1)
        assert.deepStrictEqual(letter.message, { key: "a", id: 10, act })
        assert.strictEqual(letter.attempts, 3)
        const said = Cause.pretty(letter.cause)
        assert.include(
          said,
          act === "throw" ? "told to by a/10" : act === "exit" ? "exited with code 3" : "rejected by a/10"
        )
        // The poison itself is a gap of one, and nothing else is.
        assert.deepStrictEqual(yield* audit(pool), { handled: 39, lost: 1, repeated: 0, keys: 2 })
        assert.strictEqual((yield* pool.supervised).Failed, 3)
      }).pipe(Effect.scoped, Effect.provide(threads))
    )
  }

  it.live("a message that fails is tried exactly as often as its schedule says", () =>
    Effect.gen(function* () {
      const tries = Supervision.retry(Schedule.max([Schedule.recurs(4), Schedule.spaced("1 millis")]))
      const pool = yield* WorkerPool.make(Book, {
        size: 1,
        initData: {},
        supervision: restart.pipe(Supervision.and(tries))
      })
      yield* pool.sendAll([...page("a", 0, 5), { key: "a", id: 5, act: "fail" as const }, ...page("a", 6, 10)])
      const [letter] = yield* letters(pool, 1)
      assert.strictEqual(letter.attempts, 5)
      assert.deepStrictEqual(yield* audit(pool), { handled: 9, lost: 1, repeated: 0, keys: 1 })
      assert.deepStrictEqual(
        { Retrying: 4, Failed: 0 },
        { Retrying: (yield* pool.supervised).Retrying, Failed: (yield* pool.supervised).Failed }
      )
    }).pipe(Effect.scoped, Effect.provide(threads))
  )
})

/** Round trips to one worker, one after the other, until interrupted. */
const roundTrips = (pool: BookPool, worker: string, into: Array<number>) =>
  Effect.forever(
    Effect.gen(function* () {
      const began = performance.now()
      yield* pool.askTo(worker, "Echo", { n: 1 })
      into.push(performance.now() - began)
      yield* Effect.sleep("1 millis")
    })
  )

describe(`${name}: a handler that never returns`, () => {
  it.live("for(;;) is found from outside, its worker replaced, and others do not notice", () =>
    Effect.gen(function* () {
      const deadline = 200
      const pool = yield* WorkerPool.make(Book, {
        size: 2,
        initData: {},
        supervision: restart.pipe(
          Supervision.and(Supervision.deadline(deadline)),
          Supervision.and(Supervision.poison(1)),
          Supervision.and(Supervision.spares(1))
        )
      })
      const other = "Book/1"
      const calm: Array<number> = []
      const calmly = yield* Effect.forkChild(roundTrips(pool, other, calm))
      yield* Effect.sleep("500 millis")
      yield* Fiber.interrupt(calmly)
      const during: Array<number> = []
      const meanwhile = yield* Effect.forkChild(roundTrips(pool, other, during))
      const began = performance.now()
      yield* pool.sendTo("Book/0", { key: "a", id: 0, act: "spin" })
      assert.strictEqual(yield* pool.askTo("Book/0", "Echo", { n: 7 }), 7)
      const replaced = performance.now() - began
      yield* Fiber.interrupt(meanwhile)
      const [letter] = yield* letters(pool, 1)
      assert.include(Cause.pretty(letter.cause), "deadline")
      assert.strictEqual((yield* pool.supervised).Overdue, 1)
      console.log(
        `replaced ${(replaced - deadline).toFixed(0)} ms after the deadline; round trips p99 of another worker: ` +
          `calm ${percentile(calm, 99).toFixed(2)} ms, during ${percentile(during, 99).toFixed(2)} ms`
      )
      assert.isAtMost(replaced, deadline + (process.env.CHAOS === "full" ? 100 : 1000))
    }).pipe(Effect.scoped, Effect.provide(threads))
  )
})

describe(`${name}: endings`, () => {
  for (const act of ["throw", "exit", "reject"] as const) {
    it.live(`${act}: whoever asks is told within 100 ms where nobody restarts`, () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Book, { size: 1, initData: {} })
        yield* pool.askTo("Book/0", "Echo", { n: 1 })
        yield* pool.send({ key: "a", id: 0, act })
        const began = performance.now()
        const error = yield* Effect.flip(pool.askTo("Book/0", "Echo", { n: 1 }))
        const millis = performance.now() - began
        assert.strictEqual(error._tag, "WorkerPanicked")
        console.log(`${act}: told after ${millis.toFixed(1)} ms`)
        assert.isAtMost(millis, process.env.CHAOS === "full" ? 100 : 500)
      }).pipe(Effect.scoped, Effect.provide(threads))
    )
  }

  it.live("init that fails fails the pool that is made, with a typed error", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Effect.scoped(WorkerPool.make(Book, { size: 2, initData: { broken: "init" }, supervision: restart }))
      )
      assert.strictEqual(error._tag, "WorkerPanicked")
      assert.include(error.message, "told not to start")
    }).pipe(Effect.provide(threads))
  )

  it.live("a crash loop trips the intensity: the pool fails as a whole, every ask settles, nothing is lost", () =>
    Effect.gen(function* () {
      const left = yield* Effect.scoped(
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make(Book, {
            size: 2,
            initData: {},
            supervision: Supervision.restart(Schedule.spaced("1 millis"), {
              intensity: { restarts: 3, within: "10 seconds" }
            }).pipe(Supervision.and(Supervision.poison(1000)))
          })
          yield* pool.sendAll([{ key: "a", id: 0, act: "exit" }, ...page("a", 1, 5)])
          const asked = yield* Effect.forkChild(Effect.flip(pool.ask("a", "Echo", { n: 1 })))
          const error = yield* Effect.flip(pool.escalated)
          assert.include(error.message, "exited with code 3")
          assert.strictEqual((yield* Fiber.join(asked))._tag, "WorkerPanicked")
          assert.strictEqual((yield* pool.supervised).Failed, 4)
          return pool.deadLetters
        })
      )
      const ids = (yield* Stream.runCollect(left)).map(({ message }) => message.id)
      assert.deepStrictEqual(ids, [0, 1, 2, 3, 4])
    }).pipe(Effect.provide(threads))
  )
})
