/** What only processes do to a pipeline: they contain crashes, and they must not stay behind. */
import { assert, describe, it } from "@effect/vitest"
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Supervision from "@shared-nothing/core/Supervision"
import * as NodePipelines from "@shared-nothing/platform/NodePipelines"
import type { ChildProcess } from "node:child_process"
import { subscribe, unsubscribe } from "node:diagnostics_channel"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { isAlive, until } from "../process/processes.ts"
import { perilous, sharing } from "./perils.ts"

const processes = NodePipelines.layerProcesses(new URL("./perils.ts", import.meta.url))

/** The processes that are started from now on. */
const started = Effect.gen(function* () {
  const children: Array<ChildProcess> = []
  const listener = (message: unknown) => children.push((message as { readonly process: ChildProcess }).process)
  subscribe("child_process", listener)
  yield* Effect.addFinalizer(() => Effect.sync(() => unsubscribe("child_process", listener)))
  return children
})

const marker = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(path.join(tmpdir(), "perils-"))),
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
  ),
  (directory) => path.join(directory, "done")
)

const endless = Stream.forever(Stream.make("one", "two", "three"))

describe("A pipeline on processes", () => {
  it.live("has each subtask in a process of its own, and counts there", () =>
    Effect.gen(function* () {
      const words = Stream.fromIterable(Array.from({ length: 3000 }, (_, i) => `word ${i % 100}`))
      const { output, stats } = yield* Pipeline.run(perilous(words, { marker: yield* marker, parallelism: 2 }))
      const all = yield* Stream.runCollect(output)
      const used = new Set(all.map(({ pid }) => pid))
      assert.strictEqual(used.size, 2)
      assert.isFalse(used.has(process.pid))
      const counts = (yield* stats).map(({ depth, done, name, received, sent }) => ({
        depth,
        done,
        name,
        received,
        sent
      }))
      assert.deepStrictEqual(
        counts.map(({ depth, done, name }) => [name, depth, done]),
        [
          ["stream", 0, true],
          ["perilous", 0, true],
          ["perilous", 0, true]
        ]
      )
      assert.strictEqual(counts[0].sent, 3000)
      assert.strictEqual(counts[1].received + counts[2].received, 3000)
      assert.strictEqual(counts[1].sent + counts[2].sent, 3000)
    }).pipe(Effect.scoped, Effect.provide(processes))
  )

  it.live("leaves no process behind: when it is left early, when it is interrupted, when it fails", () =>
    Effect.gen(function* () {
      const children = yield* started
      const args = { marker: yield* marker, parallelism: 2 }
      const first = yield* perilous(endless, args).pipe(Stream.take(1000), Stream.runCollect)
      assert.strictEqual(first.length, 1000)
      assert.strictEqual(children.length, 2)

      let seen = 0
      const running = yield* Effect.forkChild(
        Stream.runForEach(perilous(endless, args), () => Effect.sync(() => seen++)),
        { startImmediately: true }
      )
      yield* until("elements to come", () => seen > 1000)
      yield* Fiber.interrupt(running)
      assert.strictEqual(children.length, 4)

      const words = Stream.concat(Stream.make("throw"), endless)
      const failure = yield* perilous(words, args).pipe(Stream.runDrain, Effect.flip)
      assert.instanceOf(failure, Pipeline.PipelineFailed)
      assert.strictEqual(
        failure.message,
        'stage perilous failed in element (element "throw"): RangeError: a word that throws'
      )
      assert.strictEqual(children.length, 6)
      for (const { pid } of children) assert.isFalse(isAlive(pid!), `process ${pid}`)
    }).pipe(Effect.scoped, Effect.provide(processes))
  )

  it.live.each([
    ["exit", /exited with code 7/, 7],
    ["kill", /ended by SIGKILL/, 137],
    ["abort", /ended by SIGABRT/, 134]
  ] as const)("fails when a process ends: %s", ([word, detail, exitCode]) =>
    Effect.gen(function* () {
      const words = Stream.concat(Stream.make("one", word), Stream.never)
      const failure = yield* perilous(words, { marker: yield* marker, parallelism: 1 }).pipe(
        Stream.runDrain,
        Effect.flip
      )
      assert.instanceOf(failure, Pipeline.PipelineFailed)
      assert.strictEqual(failure.stage, "perilous")
      assert.match(failure.detail, detail)
      assert.strictEqual((failure.cause as { readonly exitCode?: number }).exitCode, exitCode)
    }).pipe(Effect.scoped, Effect.provide(processes))
  )

  it.live("goes on when a process runs out of memory, and counts everything once", () =>
    Effect.gen(function* () {
      const { NODE_OPTIONS } = process.env
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          if (NODE_OPTIONS === undefined) delete process.env.NODE_OPTIONS
          else process.env.NODE_OPTIONS = NODE_OPTIONS
        })
      )
      // What a child begins with; this process has begun.
      process.env.NODE_OPTIONS = "--max-old-space-size=48"
      const children = yield* started
      const words = Array.from({ length: 5000 }, (_, i) => (i === 2500 ? "exhaust" : `word ${i % 50}`))
      const all = yield* perilous(Stream.fromIterable(words), { marker: yield* marker, parallelism: 2 }).pipe(
        Pipeline.supervised(
          Supervision.restart(Schedule.spaced("1 millis"), { snapshots: { every: 100, within: "5 millis" } })
        ),
        Stream.runCollect
      )
      assert.strictEqual(children.length, 3)
      const expected: Record<string, number> = {}
      for (const word of words) expected[word] = (expected[word] ?? 0) + 1
      // Numbers of a word come in order, each once.
      const seen: Record<string, number> = {}
      for (const { nth, word } of all) {
        assert.strictEqual(nth, (seen[word] ?? 0) + 1)
        seen[word] = nth
      }
      assert.deepStrictEqual(seen, expected)
    }).pipe(Effect.scoped, Effect.provide(processes))
  )

  it.live("refuses elements that carry shared memory, which threads take", () =>
    Effect.gen(function* () {
      const failure = yield* sharing(Stream.make(8, 16)).pipe(Stream.runCollect, Effect.flip, Effect.provide(processes))
      assert.strictEqual(failure._tag, "InvalidConfig")
      assert.match(failure.message, /share → size/)
      const threads = NodePipelines.layerThreads(new URL("./perils.ts", import.meta.url))
      assert.deepStrictEqual(
        yield* sharing(Stream.make(8, 16)).pipe(Stream.runCollect, Effect.provide(threads)),
        [8, 16]
      )
    })
  )
})
