/** Scenarios 2 to 4: poison, handlers that never return, and workers that end in every way there is. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Supervision from "@shared-nothing/core/Supervision"
import * as WorkerPool from "@shared-nothing/core/WorkerPool"
import type { WorkerNotRunning, WorkerPanicked } from "@shared-nothing/core/Errors"
import * as NodeProcesses from "@shared-nothing/platform/NodeProcesses"
import * as NodeWorkers from "@shared-nothing/platform/NodeWorkers"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { Book } from "./Book.ts"
import { audit, backends, type BookPool, full, percentile } from "./support.ts"

const restart = Supervision.restart(Schedule.spaced("1 millis"), { intensity: { restarts: 100, within: "10 seconds" } })

const soon = Schedule.spaced("1 millis")

const throwing = new URL("../process/Throwing.worker.ts", import.meta.url)
const broken = {
  thread: NodeWorkers.layerThreads([Book, throwing]),
  process: NodeProcesses.layer([Book, throwing])
}

/** What each ending says of itself. */
const words = {
  throw: "told to by a/10",
  exit: "exited with code 3",
  reject: "rejected by a/10",
  crash: "SIGSEGV"
}

/** A folder that is gone with the scope. */
const temporary = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "book-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

const page = (key: string, from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => ({ key, id: from + i }))

/** Waits until `count` dead letters have come. */
const letters = (pool: BookPool, count: number) => Stream.runCollect(Stream.take(pool.deadLetters, count))

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

for (const [place, backend] of backends) {
  const name = `a worker in a ${place}`
  // A crash of native code ends every thread of its process.
  const acts = (["throw", "exit", "reject", "crash"] as const).filter((act) => act !== "crash" || place === "process")

  describe(`${name}: poison`, () => {
    for (const act of acts) {
      it.live(`a message of ${act} is a dead letter after three deaths, and the rest of its key goes on`, () =>
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make(Book, { size: 2, initData: {}, supervision: restart })
          const { act: _, ...poison } = { key: "a", id: 10, act }
          yield* pool.sendAll([...page("a", 0, 10), { ...poison, act }, ...page("a", 11, 20), ...page("b", 0, 20)])
          const [letter] = yield* letters(pool, 1)
          assert.deepStrictEqual(letter.message, { key: "a", id: 10, act })
          assert.strictEqual(letter.attempts, 3)
          const said = Cause.pretty(letter.cause)
          assert.include(said, words[act])
          // The poison itself is a gap of one, and nothing else is.
          assert.deepStrictEqual(yield* audit(pool), { handled: 39, lost: 1, repeated: 0, keys: 2 })
          assert.strictEqual((yield* pool.supervised).Failed, 3)
        }).pipe(Effect.scoped, Effect.provide(backend))
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
      }).pipe(Effect.scoped, Effect.provide(backend))
    )

    for (const spares of [0, 1]) {
      it.live(`what was given up stays so in the next life, with ${spares} spares`, () =>
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make(Book, {
            size: 1,
            initData: {},
            supervision: restart.pipe(
              Supervision.and(Supervision.retry(Schedule.max([Schedule.recurs(1), soon]))),
              Supervision.and(Supervision.spares(spares))
            )
          })
          yield* pool.sendAll([...page("a", 0, 5), { key: "a", id: 5, act: "fail" as const }, ...page("a", 6, 10)])
          yield* letters(pool, 1)
          yield* Effect.flatMap(pool.worker("Book/0"), (worker) => worker.kill)
          yield* pool.sendAll(page("a", 10, 20))
          assert.deepStrictEqual(yield* audit(pool), { handled: 19, lost: 1, repeated: 0, keys: 1 })
          const { DeadLettered, Failed } = yield* pool.supervised
          assert.deepStrictEqual({ DeadLettered, Failed }, { DeadLettered: 1, Failed: 1 })
        }).pipe(Effect.scoped, Effect.provide(backend))
      )
    }

    it.live("where messages are retried, one that never returns is given up too, and the rest goes on", () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Book, {
          size: 1,
          initData: {},
          supervision: restart.pipe(
            Supervision.and(Supervision.retry(Schedule.max([Schedule.recurs(1), soon]))),
            Supervision.and(Supervision.deadline("200 millis"))
          )
        })
        yield* pool.sendAll([...page("a", 0, 5), { key: "a", id: 5, act: "spin" as const }, ...page("a", 6, 10)])
        const [letter] = yield* letters(pool, 1)
        assert.deepStrictEqual({ id: letter.message.id, attempts: letter.attempts }, { id: 5, attempts: 2 })
        assert.deepStrictEqual(yield* audit(pool), { handled: 9, lost: 1, repeated: 0, keys: 1 })
      }).pipe(Effect.scoped, Effect.provide(backend))
    )

    it.live("its error has the stack of where it was thrown", () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Book, { size: 1, initData: {} })
        yield* pool.send({ key: "a", id: 0, act: "throw" })
        const { cause } = (yield* Effect.flip(pool.askTo("Book/0", "Echo", { n: 1 }))) as WorkerPanicked
        assert.include((cause as Error).stack, "Book.worker.ts")
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  })

  describe(`${name}: a handler that never returns`, () => {
    it.live("for(;;) is found from outside, its worker replaced, and others do not notice", () =>
      Effect.gen(function* () {
        const deadline = 500
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
        const during: Array<number> = []
        const replaced: Array<number> = []
        // By turns, so that both are measured on the same machine.
        for (let round = 0; round < (full ? 5 : 1); round++) {
          const calmly = yield* Effect.forkChild(roundTrips(pool, other, calm))
          yield* Effect.sleep("500 millis")
          yield* Fiber.interrupt(calmly)
          const meanwhile = yield* Effect.forkChild(roundTrips(pool, other, during))
          const began = performance.now()
          yield* pool.sendTo("Book/0", { key: "a", id: round, act: "spin" })
          assert.strictEqual(yield* pool.askTo("Book/0", "Echo", { n: 7 }), 7)
          replaced.push(performance.now() - began - deadline)
          yield* Fiber.interrupt(meanwhile)
          const [letter] = yield* letters(pool, 1)
          assert.include(Cause.pretty(letter.cause), "deadline")
          assert.strictEqual((yield* pool.supervised).Overdue, round + 1)
          // The spare that was taken is made up for.
          yield* Effect.sleep("600 millis")
        }
        const [calm99, during99] = [percentile(calm, 99), percentile(during, 99)]
        console.log(
          `replaced ${replaced.map((millis) => millis.toFixed(0)).join(", ")} ms after the deadline; round trips of ` +
            `another worker: p50 ${percentile(calm, 50).toFixed(2)} ms calm, ${percentile(during, 50).toFixed(2)} during; ` +
            `p99 ${calm99.toFixed(2)} ms calm, ${during99.toFixed(2)} during (${calm.length} and ${during.length})`
        )
        assert.isAtMost(Math.max(...replaced), full ? 100 : 2000)
        // Below a millisecond it is the timers that differ.
        if (full) assert.isAtMost(during99, 2 * Math.max(1, calm99))
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  })

  it.live(`${name}: for(;;) of a message that brings its own deadline is found, where the pool has none`, () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Book, {
        size: 1,
        initData: {},
        supervision: restart.pipe(
          Supervision.and(Supervision.deadline(Infinity)),
          Supervision.and(Supervision.poison(1))
        )
      })
      yield* pool.send({ key: "a", id: 0, act: "spin" }, { deadline: "100 millis" })
      const [letter] = yield* letters(pool, 1)
      assert.include(Cause.pretty(letter.cause), "deadline")
      assert.deepStrictEqual(
        yield* pool.supervised.pipe(Effect.map(({ Failed, Overdue }) => [Failed, Overdue])),
        [1, 1]
      )
    }).pipe(Effect.scoped, Effect.provide(backend))
  )

  if (place === "process") {
    it.live("a process that stands still is found, and the message after as many ends as are allowed", () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Book, {
          size: 1,
          initData: {},
          supervision: restart.pipe(
            Supervision.and(Supervision.deadline("200 millis")),
            Supervision.and(Supervision.poison(2))
          )
        })
        yield* pool.sendAll([...page("a", 0, 5), { key: "a", id: 5, act: "freeze" as const }, ...page("a", 6, 10)])
        const [letter] = yield* letters(pool, 1)
        assert.strictEqual(letter.message.id, 5)
        assert.deepStrictEqual(yield* audit(pool), { handled: 9, lost: 1, repeated: 0, keys: 1 })
        const { Failed, Overdue } = yield* pool.supervised
        assert.deepStrictEqual({ Failed, Overdue }, { Failed: 2, Overdue: 2 })
      }).pipe(Effect.scoped, Effect.provide(backend))
    )
  }

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
          assert.isAtMost(millis, full ? 100 : 500)
        }).pipe(Effect.scoped, Effect.provide(backend))
      )
    }

    it.live("init that fails fails the pool that is made, with a typed error", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(
          Effect.scoped(WorkerPool.make(Book, { size: 2, initData: { broken: "init" }, supervision: restart }))
        )
        assert.strictEqual(error._tag, "WorkerPanicked")
        assert.include(error.message, "told not to start")
      }).pipe(Effect.provide(backend))
    )

    it.live("a module that fails to load fails the pool that is made, with a typed error", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(
          Effect.scoped(WorkerPool.make(Book, { size: 1, initData: {}, supervision: restart }))
        )
        assert.strictEqual(error._tag, "WorkerPanicked")
        assert.include(error.message, "panicked in import: TypeError: thrown while it was imported")
      }).pipe(Effect.provide(broken[place]))
    )

    it.live("init that fails in every successor trips the intensity, and the pool fails with its error", () =>
      Effect.gen(function* () {
        const flag = join(yield* temporary, "broken")
        const pool = yield* WorkerPool.make(Book, {
          size: 2,
          initData: { brokenBy: flag },
          supervision: Supervision.restart(Schedule.spaced("1 millis"), {
            intensity: { restarts: 3, within: "10 seconds" }
          })
        })
        writeFileSync(flag, "")
        const asked = yield* Effect.forkChild(Effect.flip(Effect.forever(pool.askTo("Book/0", "Echo", { n: 1 }))))
        yield* Effect.flatMap(pool.worker("Book/0"), (worker) => worker.kill)
        const error = yield* Effect.flip(pool.escalated)
        assert.strictEqual(error.phase, "init")
        assert.include(error.message, "told not to start")
        assert.strictEqual((yield* Fiber.join(asked))._tag, "WorkerPanicked")
        assert.strictEqual((yield* pool.supervised).Restarting, 3)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )

    it.live("a crash loop opens the circuit after so many deaths, and one life at a time probes it", () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Book, {
          size: 1,
          initData: {},
          supervision: restart.pipe(
            Supervision.and(Supervision.poison(6)),
            Supervision.and(
              Supervision.circuitBreaker({
                trip: CircuitBreaker.consecutive(4),
                openDuration: "100 millis",
                whileOpen: "fail"
              })
            )
          )
        })
        const events: Array<string> = []
        yield* Effect.forkScoped(
          Stream.runForEach(pool.events, ({ _tag }) => Effect.sync(() => void events.push(_tag))),
          { startImmediately: true }
        )
        yield* pool.sendAll([{ key: "a", id: 0, act: "exit" as const }, ...page("a", 1, 5)])
        yield* Effect.repeat(pool.supervised, { until: ({ CircuitOpened }) => CircuitOpened === 1, schedule: soon })
        const refused = yield* Effect.flip(pool.send({ key: "a", id: 5 }))
        assert.isAtMost((refused as WorkerNotRunning).retryAfterMillis!, 100)
        yield* letters(pool, 1)
        assert.deepStrictEqual(yield* audit(pool), { handled: 4, lost: 1, repeated: 0, keys: 1 })
        yield* Effect.repeat(pool.supervised, { until: ({ CircuitClosed }) => CircuitClosed === 1, schedule: soon })
        assert.strictEqual(events.slice(0, events.indexOf("CircuitOpened")).filter((tag) => tag === "Failed").length, 4)
      }).pipe(Effect.scoped, Effect.provide(backend))
    )

    it.live("a failing key group is given a rest, and the others of its worker are not", () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Book, {
          size: 1,
          initData: {},
          supervision: restart.pipe(
            Supervision.and(Supervision.retry(Schedule.max([soon, Schedule.recurs(5)]))),
            Supervision.and(
              Supervision.circuitBreaker({
                per: "keyGroup",
                trip: CircuitBreaker.consecutive(3),
                openDuration: "50 millis"
              })
            )
          )
        })
        yield* pool.sendAll([{ key: "a", id: 0, act: "fail" as const }, ...page("a", 1, 5), ...page("b", 0, 5)])
        const [letter] = yield* letters(pool, 1)
        assert.strictEqual(letter.attempts, 6)
        yield* pool.drained
        assert.deepStrictEqual(yield* audit(pool), { handled: 9, lost: 1, repeated: 0, keys: 2 })
        yield* Effect.repeat(pool.supervised, { until: ({ CircuitClosed }) => CircuitClosed === 1, schedule: soon })
        const { CircuitOpened, Failed } = yield* pool.supervised
        // Three tries, then one at a time.
        assert.deepStrictEqual({ CircuitOpened, Failed }, { CircuitOpened: 4, Failed: 0 })
      }).pipe(Effect.scoped, Effect.provide(backend))
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
      }).pipe(Effect.provide(backend))
    )
  })
}
