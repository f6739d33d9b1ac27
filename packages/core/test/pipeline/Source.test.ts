import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type { Node } from "../../src/pipeline/Graph.ts"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import * as Source from "../../src/pipeline/Source.ts"

const numbers = (options: { readonly count: number; readonly parallelism?: number; readonly perSecond?: number }) =>
  Source.generate("numbers", { out: Schema.Int, of: (i) => i, ...options })

/** What subtask `share` still has to give after `taken`. */
const left = ({ origin }: Node, share: number, taken: number) =>
  origin?._tag === "Splits"
    ? Stream.runCollect(origin.read(share, taken) as Stream.Stream<number>)
    : Effect.die("no source of splits")

describe("Source.generate", () => {
  it.effect("gives the same elements at every parallelism", () =>
    Effect.gen(function* () {
      for (const parallelism of [1, 2, 5]) {
        const all = yield* Stream.runCollect(numbers({ count: 5000, parallelism }))
        assert.deepStrictEqual(
          [...all].sort((a, b) => a - b),
          Array.from({ length: 5000 }, (_, i) => i)
        )
      }
    })
  )

  it.effect("goes on after what was taken", () =>
    Effect.gen(function* () {
      const { node } = numbers({ count: 5000, parallelism: 3 })
      for (const share of [0, 1, 2]) {
        const all = yield* left(node, share, 0)
        for (const taken of [1, 511, 512, 513, 1024, 1500, all.length]) {
          assert.deepStrictEqual(yield* left(node, share, taken), all.slice(taken))
        }
      }
    })
  )

  it.effect("keeps its rate over all subtasks", () =>
    Effect.gen(function* () {
      const times: Array<number> = []
      const running = yield* numbers({ count: 400, parallelism: 2, perSecond: 100 }).pipe(
        Stream.runForEachArray((all) =>
          Effect.map(Clock.currentTimeMillis, (now) => {
            for (const _ of all) times.push(now)
          })
        ),
        Effect.forkChild
      )
      for (let i = 0; i < 500; i++) yield* TestClock.adjust("10 millis")
      yield* Fiber.join(running)
      assert.strictEqual(times.length, 400)
      for (const second of [1, 2, 3, 4]) {
        const count = times.filter((time) => time <= second * 1000).length
        assert.isAtMost(Math.abs(count - second * 100), 10, `after ${second} s`)
      }
    })
  )

  it.effect("refuses a rate that is none", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(Pipeline.explain(numbers({ count: 1, perSecond: 0 })))
      assert.strictEqual(failure.message, "numbers.perSecond = 0 is not allowed: more than 0")
    })
  )
})
