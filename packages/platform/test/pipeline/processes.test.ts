/** Pipelines on child processes: what they give on fibers, and nothing left behind. */
import { assert, describe, it } from "@effect/vitest"
import * as NodePipelines from "@shared-nothing/platform/NodePipelines"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { readings, wordCount } from "./wordCount.ts"

const processes = NodePipelines.layerProcesses(new URL("./wordCount.ts", import.meta.url))
const lines = Array.from({ length: 5000 }, (_, i) => `the word ${i % 97} of ${i % 31}`)

const counted = (entries: ReadonlyArray<{ readonly word: string; readonly count: number }>) =>
  Object.fromEntries([...entries].sort((a, b) => (a.word < b.word ? -1 : 1)).map(({ count, word }) => [word, count]))

describe("NodePipelines.layerProcesses", () => {
  it.live("gives on processes what it gives on fibers", () =>
    Effect.gen(function* () {
      const pipeline = wordCount(Stream.fromIterable(lines), { parallelism: 2 })
      const onFibers = yield* Stream.runCollect(pipeline)
      const there = yield* Effect.provide(Stream.runCollect(pipeline), processes)
      assert.deepStrictEqual(counted(there), counted(onFibers))
    })
  )

  it.live("gives the same windows on processes, at any parallelism", () =>
    Effect.gen(function* () {
      const sorted = (sources: number, windows: number) =>
        Effect.map(Stream.runCollect(readings(Stream.empty, { sources, windows })), (all) => [...all].sort())
      const expected = yield* sorted(1, 1)
      assert.isAbove(expected.length, 300)
      assert.deepStrictEqual(yield* Effect.provide(sorted(2, 2), processes), expected)
    })
  )
})
