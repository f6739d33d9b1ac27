import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type { Node } from "../../src/pipeline/Graph.ts"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import { BlocksInlet } from "../../src/pipeline/runtime/BlocksInlet.ts"
import { type SourcePosition, start } from "../../src/pipeline/runtime/sources.ts"
import * as Source from "../../src/pipeline/Source.ts"

const numbers = (options: { readonly count: number; readonly parallelism?: number; readonly perSecond?: number }) =>
  Source.generate("numbers", { out: Schema.Int, of: (i) => i, ...options })

/** The elements that a subtask makes until its end, and where it is after each block. */
const drain = ({ origin }: Node, share: number, from: SourcePosition) => {
  if (origin?._tag !== "Blocks") throw new Error("no source of blocks")
  const inlet = new BlocksInlet("numbers", origin.block, share, 3, from)
  const blocks: Array<{ readonly values: ReadonlyArray<unknown>; readonly position: SourcePosition }> = []
  for (let frame = inlet.next(); frame !== undefined; frame = inlet.next()) {
    if ("values" in frame) blocks.push({ values: frame.values, position: inlet.position })
  }
  return blocks
}

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

  it("goes on after what was taken", () => {
    const { node } = numbers({ count: 5000, parallelism: 3 })
    for (const share of [0, 1, 2]) {
      const all = drain(node, share, start)
      assert.isAbove(all.length, 2)
      for (const [at, { position }] of all.entries()) {
        assert.deepStrictEqual(drain(node, share, position), all.slice(at + 1))
      }
    }
  })

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
