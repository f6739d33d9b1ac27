import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as WorkerPool from "../../src/pool/WorkerPool.ts"
import * as Supervision from "../../src/supervision/Supervision.ts"
import * as FiberWorkers from "../../src/worker/FiberWorkers.ts"
import { Workers } from "../../src/worker/Workers.ts"
import { Batches, batches, Crowd, crowd, Forgetful, forgetful, Ledger, ledger, world } from "./Ledger.ts"
import { entries, soon } from "./support.ts"

const backend = FiberWorkers.layer([Forgetful, forgetful], [Ledger, ledger], [Crowd, crowd], [Batches, batches])

const restart = Supervision.restart(soon, {
  intensity: { restarts: 100, within: "10 seconds" },
  snapshots: { every: 16, within: "5 millis" }
})

const supervised = (name: string, effect: Effect.Effect<void, unknown, never>) =>
  it.live(name, () =>
    Effect.suspend(() => {
      world.reset()
      return effect
    })
  )

describe("a supervised pool", () => {
  supervised(
    "replaces a worker that panicked, and its mailbox waits for the successor",
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Forgetful, {
        size: 1,
        supervision: Supervision.restart(Schedule.spaced("30 millis"))
      })
      yield* pool.send({ key: "a", id: 0, act: "throw" })
      yield* Effect.repeat(pool.supervised, { until: (counts) => counts.Failed === 1, schedule: soon })
      world.allowed.add("a/0")
      yield* pool.sendAll([
        { key: "a", id: 1 },
        { key: "a", id: 2 }
      ])
      const account = yield* pool.ask("a", "Account", { key: "a" })
      assert.deepStrictEqual(account, { key: "a", count: 3, last: 2, disorders: 0 })
      yield* Effect.repeat(pool.supervised, { until: (counts) => counts.Restarted === 1, schedule: soon })
      assert.strictEqual(world.inits, 2)
    }).pipe(Effect.scoped, Effect.provide(backend))
  )

  supervised(
    "a message that is the death of three workers is a dead letter, and the rest of its key goes on",
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Ledger, { size: 2, supervision: restart })
      yield* pool.sendAll([...entries(4, 0, 5), { key: "key-1", id: 5, act: "throw" as const }, ...entries(4, 6, 11)])
      const letter = yield* Stream.runHead(pool.deadLetters)
      assert.strictEqual(letter._tag, "Some")
      if (letter._tag === "None") return
      assert.deepStrictEqual(letter.value.message, { key: "key-1", id: 5, act: "throw" })
      assert.strictEqual(letter.value.key, "key-1")
      assert.strictEqual(letter.value.attempts, 3)
      assert.include(Cause.pretty(letter.value.cause), "told to by key-1/5, try 3")
      for (let i = 0; i < 4; i++) {
        const key = `key-${i}`
        assert.deepStrictEqual(yield* pool.ask(key, "Account", { key }), { key, count: 10, last: 10, disorders: 0 })
      }
      assert.strictEqual(world.tries.get("key-1/5"), 3)
      world.allowed.add("key-1/5")
      yield* pool.replay(letter.value)
      assert.strictEqual((yield* pool.ask("key-1", "Account", { key: "key-1" })).count, 11)
    }).pipe(Effect.scoped, Effect.provide(backend))
  )

  for (const [name, contract] of [
    ["one at a time", Ledger],
    ["several keys at once", Crowd]
  ] as const) {
    for (const act of ["throw", "fail"] as const) {
      supervised(
        `tries a message that failed again, its key waits, others do not: ${name}, ${act}`,
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make(contract as typeof Ledger, {
            size: 1,
            supervision: Supervision.retry(Schedule.spaced("20 millis")).pipe(Supervision.and(restart))
          })
          yield* pool.sendAll([{ key: "a", id: 0, act }, { key: "a", id: 1 }, ...entries(2, 0, 10)])
          const other = yield* pool.ask("key-0", "Account", { key: "key-0" })
          assert.strictEqual(other.count, 10)
          assert.isFalse(world.tries.has("a/1"))
          const asked = yield* Effect.forkChild(pool.ask("a", "Account", { key: "a" }))
          yield* Effect.yieldNow
          assert.isTrue(asked.pollUnsafe() === undefined)
          world.allowed.add("a/0")
          assert.deepStrictEqual(yield* Fiber.join(asked), { key: "a", count: 2, last: 1, disorders: 0 })
          assert.isAbove((yield* pool.supervised).Retrying, 0)
          assert.strictEqual((yield* pool.supervised).Failed, 0)
          yield* pool.drained
        }).pipe(Effect.scoped, Effect.provide(backend))
      )

      supervised(
        `gives a message up after its last try: ${name}, ${act}`,
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make(contract as typeof Ledger, {
            size: 1,
            supervision: Supervision.retry(Schedule.max([Schedule.recurs(4), soon])).pipe(Supervision.and(restart))
          })
          yield* pool.sendAll([
            { key: "a", id: 0, act },
            { key: "a", id: 1 }
          ])
          const letters = yield* Stream.runCollect(Stream.take(pool.deadLetters, 1))
          assert.strictEqual(letters[0].attempts, 5)
          assert.strictEqual(world.tries.get("a/0"), 5)
          assert.include(Cause.pretty(letters[0].cause), "told to by a/0, try 5")
          assert.deepStrictEqual(yield* pool.ask("a", "Account", { key: "a" }), {
            key: "a",
            count: 1,
            last: 1,
            disorders: 0
          })
          yield* pool.drained
        }).pipe(Effect.scoped, Effect.provide(backend))
      )
    }
  }

  supervised(
    "asks the predicate whether to try again",
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Ledger, {
        size: 1,
        supervision: Supervision.retry(soon, { while: (error) => !error.detail.includes("try 2") })
      })
      yield* pool.send({ key: "a", id: 0, act: "throw" })
      const letters = yield* Stream.runCollect(Stream.take(pool.deadLetters, 1))
      assert.strictEqual(letters[0].attempts, 2)
    }).pipe(Effect.scoped, Effect.provide(backend))
  )

  for (const act of ["hang", "stubborn"] as const) {
    supervised(
      `ends a handler that is past its deadline: ${act}`,
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, {
          size: 1,
          supervision: restart.pipe(
            Supervision.and(Supervision.deadline("30 millis", { grace: "30 millis" })),
            Supervision.and(Supervision.poison(1))
          )
        })
        yield* pool.sendAll([...entries(1, 0, 3), { key: "key-0", id: 3, act }, { key: "key-0", id: 4 }])
        const letters = yield* Stream.runCollect(Stream.take(pool.deadLetters, 1))
        assert.include(Cause.pretty(letters[0].cause), "deadline")
        const account = yield* pool.ask("key-0", "Account", { key: "key-0" })
        assert.deepStrictEqual(account, { key: "key-0", count: 4, last: 4, disorders: 0 })
        const counts = yield* pool.supervised
        assert.strictEqual(counts.Overdue, act === "hang" ? 0 : 1)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  }

  supervised(
    "restores state: each message counts once, whatever dies when",
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Ledger, { size: 2, capacity: 64, supervision: restart })
      const kills = Effect.gen(function* () {
        for (let i = 0; i < 40; i++) {
          const worker = yield* pool.worker(`Ledger/${i % 2}`)
          yield* Effect.ignore(worker.kill)
          yield* Effect.sleep("3 millis")
        }
      })
      const killer = yield* Effect.forkChild(kills)
      for (let from = 0; from < 100; from++) {
        yield* pool.sendAll(entries(10, from * 20, (from + 1) * 20))
        yield* Effect.yieldNow
      }
      yield* Fiber.join(killer)
      for (let i = 0; i < 10; i++) {
        const key = `key-${i}`
        assert.deepStrictEqual(yield* pool.ask(key, "Account", { key }), { key, count: 2000, last: 1999, disorders: 0 })
      }
      assert.isAbove((yield* pool.supervised).Restarted, 20)
    }).pipe(Effect.scoped, Effect.provide(backend))
  )

  supervised(
    "a poisoned batch is taken apart: only the poison is given up",
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Batches, { size: 1, supervision: restart })
      yield* pool.sendAll([
        ...entries(2, 0, 20),
        { key: "key-0", id: 20, act: "throw" as const },
        ...entries(2, 21, 41)
      ])
      const letters = yield* Stream.runCollect(Stream.take(pool.deadLetters, 1))
      assert.deepStrictEqual(letters[0].message, { key: "key-0", id: 20, act: "throw" })
      for (const key of ["key-0", "key-1"]) {
        const { count, disorders } = yield* pool.ask(key, "Account", { key })
        assert.deepStrictEqual({ count, disorders }, { count: 40, disorders: 0 })
      }
    }).pipe(Effect.scoped, Effect.provide(backend))
  )

  for (const act of ["throw", "fail"] as const) {
    supervised(
      `a batch that failed is tried again as it was, then taken apart, and only the poison is given up: ${act}`,
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Batches, {
          size: 1,
          supervision: Supervision.retry(Schedule.max([Schedule.recurs(2), soon])).pipe(Supervision.and(restart))
        })
        yield* pool.sendAll([...entries(2, 0, 20), { key: "key-0", id: 20, act }, ...entries(2, 21, 41)])
        const letters = yield* Stream.runCollect(Stream.take(pool.deadLetters, 1))
        assert.deepStrictEqual(letters[0].message, { key: "key-0", id: 20, act })
        assert.strictEqual(letters[0].attempts, 4)
        // Three times with its batch, and once alone.
        assert.strictEqual(world.tries.get("key-0/20"), 4)
        assert.include(Cause.pretty(letters[0].cause), "told to by key-0/20, try 4")
        for (const key of ["key-0", "key-1"]) {
          const { count, disorders, last } = yield* pool.ask(key, "Account", { key })
          assert.deepStrictEqual({ count, disorders, last }, { count: 40, disorders: 0, last: 40 })
        }
        const { DeadLettered, Failed, Retrying } = yield* pool.supervised
        assert.deepStrictEqual({ DeadLettered, Failed, Retrying }, { DeadLettered: 1, Failed: 0, Retrying: 2 })
        yield* pool.drained
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  }

  supervised(
    "a batch that failed holds its keys back, and no others",
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Batches, {
        size: 1,
        supervision: Supervision.retry(Schedule.spaced("30 millis")).pipe(Supervision.and(restart))
      })
      yield* pool.sendAll([
        { key: "a", id: 0, act: "throw" },
        { key: "b", id: 0 }
      ])
      yield* Effect.repeat(pool.supervised, { until: ({ Retrying }) => Retrying === 1, schedule: soon })
      yield* pool.sendAll([{ key: "a", id: 1 }, { key: "b", id: 1 }, ...entries(1, 0, 10)])
      assert.strictEqual((yield* pool.ask("key-0", "Account", { key: "key-0" })).count, 10)
      assert.isFalse(world.tries.has("b/1"))
      world.allowed.add("a/0")
      for (const key of ["a", "b"]) {
        assert.deepStrictEqual(yield* pool.ask(key, "Account", { key }), { key, count: 2, last: 1, disorders: 0 })
      }
      yield* pool.drained
    }).pipe(Effect.scoped, Effect.provide(backend))
  )

  for (const act of ["throw", "fail"] as const) {
    supervised(
      `what waited behind a batch that failed is done in order, though one of that fails: ${act}`,
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Batches, {
          size: 1,
          supervision: Supervision.retry(soon).pipe(Supervision.and(restart))
        })
        const tried = (name: string) =>
          Effect.repeat(
            Effect.sync(() => world.tries.get(name) ?? 0),
            { until: (tries) => tries > 1, schedule: soon }
          )
        const ids = (from: number, to: number) =>
          Array.from({ length: to - from }, (_, i) => ({ key: "a", id: from + i }))
        // Of one key the batch has several.
        yield* pool.sendAll([{ key: "a", id: 0, act }, { key: "b", id: 0 }, ...ids(1, 4)])
        yield* tried("a/0")
        yield* pool.sendAll([{ key: "a", id: 4, act }, ...ids(5, 10)])
        yield* Effect.repeat(pool.stats, { until: ([{ taken }]) => taken === 11, schedule: soon })
        world.allowed.add("a/0")
        yield* tried("a/4")
        world.allowed.add("a/4")
        const account = yield* pool.ask("a", "Account", { key: "a" })
        assert.deepStrictEqual(account, { key: "a", count: 10, last: 9, disorders: 0 })
        yield* pool.drained
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  }

  supervised(
    "a message that its worker dies of before anybody heard that it is ready is found, too",
    Effect.gen(function* () {
      let deaf = false
      /** Hears of a life only when it is over. */
      const hardOfHearing = Layer.effect(
        Workers,
        Effect.map(Workers, (workers) =>
          Workers.of({
            ...workers,
            spawn: (options) =>
              Effect.tap(workers.spawn(options), ({ ended }) =>
                deaf ? Effect.andThen(ended, Effect.never) : Effect.void
              )
          })
        )
      )
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, { size: 1, supervision: restart })
        deaf = true
        yield* Effect.forkChild(
          Effect.repeat(pool.supervised, { until: ({ Failed }) => Failed >= 3, schedule: soon }).pipe(
            Effect.map(() => {
              deaf = false
            })
          )
        )
        yield* pool.sendAll([{ key: "a", id: 0, act: "throw" as const }, ...entries(1, 0, 5)])
        const asked = yield* Effect.forkChild(pool.ask("key-0", "Account", { key: "key-0" }))
        const letters = yield* Stream.runCollect(Stream.take(pool.deadLetters, 1))
        assert.deepStrictEqual(letters[0].message, { key: "a", id: 0, act: "throw" })
        assert.strictEqual(letters[0].attempts, 3)
        assert.strictEqual((yield* Fiber.join(asked)).count, 5)
        assert.strictEqual(world.tries.get("a/0"), 3)
      }).pipe(Effect.scoped, Effect.provide(Layer.provide(hardOfHearing, backend)))
    })
  )

  supervised(
    "a request that panics its worker fails once, and is not asked again",
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Ledger, { size: 1, supervision: restart })
      yield* pool.sendAll(entries(1, 0, 5))
      const error = yield* Effect.flip(pool.ask("key-0", "Break", undefined))
      assert.strictEqual(error._tag, "WorkerPanicked")
      assert.strictEqual((yield* pool.ask("key-0", "Account", { key: "key-0" })).count, 5)
      assert.strictEqual((yield* pool.supervised).Failed, 1)
    }).pipe(Effect.scoped, Effect.provide(backend))
  )

  supervised(
    "more restarts than the intensity allows fail the pool, and every ask",
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Forgetful, {
        size: 2,
        supervision: Supervision.restart(soon, { intensity: { restarts: 2, within: "10 seconds" } }).pipe(
          Supervision.and(Supervision.poison(100))
        )
      })
      yield* pool.sendAll([
        { key: "a", id: 0, act: "throw" },
        { key: "a", id: 1 }
      ])
      const asked = yield* Effect.forkChild(Effect.flip(pool.ask("a", "Account", { key: "a" })))
      const error = yield* Effect.flip(pool.escalated)
      assert.include(error.message, "told to by a/0, try 3")
      assert.strictEqual((yield* Fiber.join(asked))._tag, "WorkerPanicked")
      const message = { key: "b", id: 0 }
      const [worker] = pool.workerIds
      const refusals = [pool.send(message), pool.broadcast(message)].map((sent) => Effect.flip(sent))
      for (const refused of yield* Effect.all([...refusals, Effect.flip(pool.sendTo(worker, message))])) {
        assert.strictEqual(refused._tag, "WorkerNotRunning")
        assert.include(refused.message, `(the pool has given up: ${error.message})`)
      }
      assert.strictEqual((yield* pool.supervised).Escalated, 1)
    }).pipe(Effect.scoped, Effect.provide(backend))
  )

  supervised(
    "what is left when the pool closes are dead letters",
    Effect.gen(function* () {
      const letters = yield* Effect.scoped(
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make(Ledger, {
            size: 1,
            supervision: Supervision.restart(Schedule.recurs(0)).pipe(Supervision.orElse(Supervision.stop))
          })
          yield* pool.sendAll([
            ...entries(1, 0, 3),
            { key: "key-0", id: 3, act: "throw" as const },
            ...entries(1, 4, 7)
          ])
          yield* Effect.repeat(pool.supervised, { until: (counts) => counts.GaveUp === 1, schedule: soon })
          return pool.deadLetters
        })
      )
      const left = yield* Stream.runCollect(letters)
      // What was handled and is in no snapshot died with its worker.
      assert.deepStrictEqual(left.map(({ message }) => message.id).slice(-4), [3, 4, 5, 6])
    }).pipe(Effect.provide(backend))
  )
})
