/** Modules that define no pipeline as they should, and threads that die before they have begun to run one. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { threadId } from "node:worker_threads"
import { assert, describe, it } from "@effect/vitest"
import { InvalidConfig } from "@shared-nothing/core/Errors"
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Supervision from "@shared-nothing/core/Supervision"
import * as NodePipelines from "@shared-nothing/platform/NodePipelines"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { large } from "./modules/large.ts"
import { unborn } from "./modules/mortal.ts"
import { needy, poor } from "./modules/needy.ts"
import { doubled } from "./modules/plain.ts"
import { first } from "./modules/twice.ts"

const moduleOf = (name: string) => new URL(`./modules/${name}`, import.meta.url)
const threads = (name: string) => NodePipelines.layerThreads(moduleOf(name))

const failureOf = (pipeline: Pipeline.Pipeline<number, Pipeline.PipelineError>, name: string) =>
  pipeline.pipe(Stream.runDrain, Effect.provide(threads(name)), Effect.flip)

describe("The module of a pipeline", () => {
  it.live("that is not there is refused before a thread starts, with its path", () =>
    Effect.gen(function* () {
      const failure = yield* failureOf(doubled(Stream.make(1)), "absent.ts")
      assert.instanceOf(failure, InvalidConfig)
      assert.strictEqual(failure.option, "NodePipelines.layerThreads.module")
      assert.strictEqual(failure.value, path.join(import.meta.dirname, "modules/absent.ts"))
      assert.match(failure.allowed, /there is no file of that name/)
    })
  )

  it.live("may have been compiled since", () =>
    Effect.gen(function* () {
      const all = yield* doubled(Stream.make(1, 2)).pipe(Stream.runCollect, Effect.provide(threads("compiled.ts")))
      assert.deepStrictEqual(all, [2, 4])
    })
  )

  it.live("that defines no pipeline is named, and what it has", () =>
    Effect.gen(function* () {
      const [none, others] = [
        yield* failureOf(doubled(Stream.make(1)), "empty.ts"),
        yield* failureOf(doubled(Stream.make(1)), "mortal.ts")
      ]
      assert.instanceOf(none, Pipeline.PipelineFailed)
      assert.strictEqual(
        none.message,
        `stage doubled failed in start: ${moduleOf("empty.ts").href} exports no pipeline of that name (it has: none)`
      )
      assert.match(others.message, /exports no pipeline of that name \(it has: unborn\)$/)
    })
  )

  it.live("that throws says what it threw", () =>
    Effect.gen(function* () {
      const failure = yield* failureOf(doubled(Stream.make(1)), "throwing.ts")
      assert.instanceOf(failure, Pipeline.PipelineFailed)
      assert.strictEqual(failure.message, "stage doubled failed in import: RangeError: no configuration")
    })
  )

  it.live("that has two pipelines of one name runs neither", () =>
    Effect.gen(function* () {
      const failure = yield* failureOf(first(Stream.make(1)), "twice.ts")
      assert.match(failure.message, /^stage twice failed in start: .* exports 2 pipelines of that name/)
    })
  )
})

describe("What the stages of a pipeline need", () => {
  const numbers = Stream.rechunk(Stream.range(1, 100), 10)

  it.live("is made once in each thread that runs them", () =>
    Effect.gen(function* () {
      const all = yield* needy(numbers).pipe(Stream.runCollect, Effect.provide(threads("needy.ts")))
      const used = new Set(all.map(({ thread }) => thread))
      assert.strictEqual(used.size, 2)
      assert.isFalse(used.has(threadId))
      for (const thread of used) {
        const calls = all.filter((one) => one.thread === thread).map(({ call }) => call)
        assert.deepStrictEqual(
          calls,
          calls.map((_, at) => at + 1)
        )
      }
      const here = yield* Stream.runCollect(needy(numbers))
      assert.deepStrictEqual(new Set(here.map(({ thread }) => thread)), new Set([threadId]))
    })
  )

  it.live("fails the pipeline before it begins where it cannot be made", () =>
    Effect.gen(function* () {
      for (const run of [
        Stream.runDrain(poor(numbers)),
        Effect.provide(Stream.runDrain(poor(numbers)), threads("needy.ts"))
      ]) {
        const failure = yield* Effect.flip(run)
        assert.instanceOf(failure, Pipeline.PipelineFailed)
        assert.match(failure.message, /^stage .* failed in start: .*NoDatabase/)
      }
    })
  )
})

/** A folder for the marks of deaths, as long as the scope lives. */
const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(path.join(tmpdir(), "deaths-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

/** Runs the pipeline with so many deaths before it has begun: what comes of it, and how many died. */
const dying = Effect.fnUntraced(function* (deaths: number, supervision?: Supervision.Supervision) {
  const marks = yield* folder
  const pipeline = unborn(Stream.range(1, 30), { marks, deaths })
  const exit = yield* (supervision === undefined ? pipeline : Pipeline.supervised(supervision)(pipeline)).pipe(
    Stream.runCollect,
    Effect.provide(threads("mortal.ts")),
    Effect.result
  )
  return { exit, died: readdirSync(marks).length }
}, Effect.scoped)

const restart = (restarts: number) =>
  Supervision.restart(Schedule.spaced("1 millis"), { intensity: { restarts, within: "1 minute" } })

describe("A thread that dies before its pipeline has begun", () => {
  it.live("is started again under supervision, and nothing is lost", () =>
    Effect.gen(function* () {
      const { died, exit } = yield* dying(5, restart(10))
      assert.strictEqual(died, 5)
      assert.strictEqual(exit._tag, "Success")
      if (exit._tag === "Failure") return
      assert.strictEqual(exit.success.length, 30)
      // The sums of all numbers from 2 to 31 by their remainder: too small if one is lost, too large if one comes twice.
      const expected = [0, 0, 0]
      for (let n = 2; n <= 31; n++) expected[n % 3] += n
      for (const total of expected) assert.include(exit.success, total)
      assert.strictEqual(Math.max(...exit.success), Math.max(...expected))
    })
  )

  it.live("ends it without supervision", () =>
    Effect.gen(function* () {
      const { exit } = yield* dying(1)
      assert.strictEqual(exit._tag, "Failure")
      if (exit._tag === "Success") return
      assert.instanceOf(exit.failure, Pipeline.PipelineFailed)
      assert.strictEqual(exit.failure.exitCode, 9)
      assert.match(exit.failure.message, /^stage .* failed in init: its thread exited with code 9$/)
    })
  )

  it.live("ends it when restarts do not help", () =>
    Effect.gen(function* () {
      const { died, exit } = yield* dying(1000, restart(2))
      assert.strictEqual(exit._tag, "Failure")
      if (exit._tag === "Success") return
      assert.instanceOf(exit.failure, Pipeline.PipelineFailed)
      assert.strictEqual(exit.failure.exitCode, 9)
      // Of four subtasks one was started three times; the others may have been on their way.
      assert.isAtLeast(died, 3)
      assert.isAtMost(died, 12)
    })
  )
})

describe("An element that is too large for a lane", () => {
  it.live("is read again by the successor of the thread that had it in hand", () =>
    Effect.gen(function* () {
      const mark = path.join(yield* folder, "mark")
      const all = yield* large(Stream.range(0, 39), { mark }).pipe(
        Pipeline.supervised(restart(10)),
        Stream.runCollect,
        Effect.provide(threads("large.ts"))
      )
      assert.isTrue(existsSync(mark))
      assert.deepStrictEqual(
        all,
        Array.from({ length: 40 }, (_, n) => ({ n, length: 2_500_000 }))
      )
    }).pipe(Effect.scoped)
  )
})
