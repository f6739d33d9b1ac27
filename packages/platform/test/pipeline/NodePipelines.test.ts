import { assert, describe, it } from "@effect/vitest"
import * as NodePipelines from "@shared-nothing/platform/NodePipelines"
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { fickle, readings, wordCount, words } from "./wordCount.ts"

const threads = NodePipelines.layerThreads(new URL("./wordCount.ts", import.meta.url))
const lines = Array.from({ length: 5000 }, (_, i) => `the word ${i % 97} of ${i % 31}`)

const counted = (entries: ReadonlyArray<{ readonly word: string; readonly count: number }>) =>
  Object.fromEntries([...entries].sort((a, b) => (a.word < b.word ? -1 : 1)).map(({ count, word }) => [word, count]))

describe("NodePipelines", () => {
  it.live("gives on threads what it gives on fibers", () =>
    Effect.gen(function* () {
      const pipeline = wordCount(Stream.fromIterable(lines), { parallelism: 2 })
      const onFibers = yield* Stream.runCollect(pipeline)
      const onThreads = yield* Effect.provide(Stream.runCollect(pipeline), threads)
      assert.deepStrictEqual(counted(onThreads), counted(onFibers))
      const used = new Set(onThreads.map(({ thread }) => thread))
      assert.strictEqual(used.size, 2)
      assert.isFalse(used.has(onFibers[0].thread))
    })
  )

  it.live("gives the same windows on threads, at any parallelism", () =>
    Effect.gen(function* () {
      const sorted = (sources: number, windows: number) =>
        Effect.map(Stream.runCollect(readings(Stream.empty, { sources, windows })), (all) => [...all].sort())
      const expected = yield* sorted(1, 1)
      assert.isAbove(expected.length, 300)
      assert.deepStrictEqual(yield* Effect.provide(sorted(2, 2), threads), expected)
      assert.deepStrictEqual(yield* Effect.provide(sorted(1, 3), threads), expected)
    })
  )

  it.live("lets go of its source and its threads when the stream is left early", () =>
    Effect.gen(function* () {
      let released = 0
      const endless = Stream.ensuring(
        Stream.forever(Stream.fromIterable(lines)),
        Effect.sync(() => released++)
      )
      const first = yield* words(endless).pipe(Stream.take(5000), Stream.runCollect, Effect.provide(threads))
      assert.strictEqual(first.length, 5000)
      assert.deepStrictEqual(first.slice(0, 4), ["the", "word", "0", "of"])
      assert.strictEqual(released, 1)
    })
  )

  it.live("fails with the stage and the element", () =>
    Effect.gen(function* () {
      const failure = yield* wordCount(Stream.fromIterable([...lines, "break"]), { parallelism: 2 }).pipe(
        Stream.runDrain,
        Effect.provide(threads),
        Effect.flip
      )
      assert.instanceOf(failure, Pipeline.PipelineFailed)
      assert.strictEqual(
        failure.message,
        'stage words failed in element (element "break"): RangeError: a line that breaks'
      )
    })
  )

  it.live("fails when a thread dies", () =>
    Effect.gen(function* () {
      const failure = yield* wordCount(Stream.concat(Stream.make("die"), Stream.never), { parallelism: 1 }).pipe(
        Stream.runDrain,
        Effect.provide(threads),
        Effect.flip
      )
      assert.instanceOf(failure, Pipeline.PipelineFailed)
      assert.strictEqual(failure.stage, "words + tally")
      assert.match(failure.detail, /^WorkerPanicked: .*exited with code 3/)
    })
  )

  it.live("refuses a definition that makes another graph in other threads, and one that is not there", () =>
    Effect.gen(function* () {
      const failure = yield* fickle(Stream.make("a line")).pipe(Stream.runDrain, Effect.provide(threads), Effect.flip)
      assert.match(failure.message, /build made another graph in this thread/)
      const elsewhere = NodePipelines.layerThreads(new URL("./NodeFiles.test.ts", import.meta.url))
      const absent = yield* wordCount(Stream.empty, { parallelism: 1 }).pipe(
        Stream.runDrain,
        Effect.provide(elsewhere),
        Effect.flip
      )
      assert.strictEqual(absent._tag, "WorkerPanicked")
    })
  )

  it.live("refuses a pipeline that threads cannot find", () =>
    Effect.gen(function* () {
      const failure = yield* Stream.fromIterable(lines).pipe(
        Pipeline.filter((line) => line !== ""),
        Stream.runDrain,
        Effect.provide(threads),
        Effect.flip
      )
      assert.strictEqual(failure._tag, "InvalidConfig")
    })
  )
})
