/** Scenarios 5 and 7: running out of memory in a process, and a consumer that is far too slow. */
import { assert, describe, it } from "@effect/vitest"
import * as Supervision from "@shared-nothing/core/Supervision"
import * as WorkerPool from "@shared-nothing/core/WorkerPool"
import * as NodeProcesses from "@shared-nothing/platform/NodeProcesses"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { Book } from "./Book.ts"
import { audit, full, Source, threads } from "./support.ts"

const restart = Supervision.restart(Schedule.spaced("1 millis"), { intensity: { restarts: 100, within: "60 seconds" } })
const processes = NodeProcesses.layer([Book, new URL("./Book.worker.ts", import.meta.url)])

const shapes = full ? (["grow", "strings", "maps", "buffers", "nest", "closures"] as const) : (["grow"] as const)

const page = (key: string, from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => ({ key, id: from + i }))

describe("out of memory, in a process", () => {
  for (const act of shapes) {
    it.live(
      `${act}: the parent survives, the message is given up, nothing else is lost`,
      () =>
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make(Book, {
            size: 1,
            initData: {},
            worker: { heapMegabytes: 48 },
            supervision: restart.pipe(
              Supervision.and(Supervision.poison(1)),
              // Memory outside the heap has no limit but the machine's: there the deadline is what ends it.
              Supervision.and(Supervision.deadline("5 seconds"))
            )
          })
          yield* pool.sendAll([
            ...page("a", 0, 10),
            { key: "a", id: 10, act },
            ...page("a", 11, 20),
            ...page("b", 0, 20)
          ])
          const [letter] = yield* Stream.runCollect(Stream.take(pool.deadLetters, 1))
          assert.deepStrictEqual(letter.message, { key: "a", id: 10, act })
          assert.deepStrictEqual(yield* audit(pool), { handled: 39, lost: 1, repeated: 0, keys: 2 })
        }).pipe(Effect.scoped, Effect.provide(processes)),
      { timeout: 120_000 }
    )
  }
})

describe("a worker that is away", () => {
  it.live("has no more in flight than was declared", () =>
    Effect.gen(function* () {
      const capacity = 64
      const pool = yield* WorkerPool.make(Book, {
        size: 1,
        capacity,
        initData: {},
        supervision: Supervision.restart(Schedule.spaced("300 millis"))
      })
      const source = new Source(8)
      yield* Effect.flatMap(pool.worker("Book/0"), (worker) => worker.kill)
      const sender = yield* Effect.forkChild(
        Effect.forEach(Array.from({ length: 20 }), () => pool.sendAll(source.take(64)), { discard: true })
      )
      let deepest = 0
      while ((yield* pool.stats)[0].state !== "Running") {
        deepest = Math.max(deepest, (yield* pool.stats)[0].depth)
        yield* Effect.sleep("5 millis")
      }
      assert.strictEqual(deepest, capacity)
      yield* Fiber.join(sender)
      assert.deepStrictEqual(yield* audit(pool), { handled: 1280, lost: 0, repeated: 0, keys: 8 })
    }).pipe(Effect.scoped, Effect.provide(threads))
  )
})

const seconds = full ? 60 : 5
const megabyte = 1_048_576

describe("a consumer 1,000 times slower than its producer", () => {
  it.live(
    "memory stays flat, and no more is in flight than was declared",
    () =>
      Effect.gen(function* () {
        const capacity = 256
        const pool = yield* WorkerPool.make(Book, {
          size: 1,
          capacity,
          initData: { slowMicros: 1000 },
          supervision: restart
        })
        const source = new Source(8)
        let deepest = 0
        const memory: Array<number> = []
        const sender = yield* Effect.forkChild(
          Effect.forever(
            Effect.andThen(
              Effect.suspend(() => pool.sendAll(source.take(64))),
              Effect.yieldNow
            )
          )
        )
        const began = performance.now()
        while (performance.now() - began < seconds * 1000) {
          yield* Effect.sleep("50 millis")
          deepest = Math.max(deepest, (yield* pool.stats)[0].depth)
          memory.push(process.memoryUsage.rss())
        }
        yield* Fiber.interrupt(sender)
        const half = memory.slice(memory.length >>> 1)
        const grown = (Math.max(...half) - memory[memory.length >>> 1]) / memory[memory.length >>> 1]
        console.log(
          `in flight at most ${deepest} of ${capacity}; ${Math.round(memory[memory.length >>> 1] / megabyte)} MB, ` +
            `then ${(100 * grown).toFixed(1)} % more at most`
        )
        assert.isAtMost(deepest, capacity)
        // Other tests share this process: only a full run has the time for their garbage to be gone.
        if (full) assert.isAtMost(grown, 0.05)
        assert.isAbove(deepest, capacity / 2)
      }).pipe(Effect.scoped, Effect.provide(threads)),
    { timeout: (seconds + 60) * 1000 }
  )
})
