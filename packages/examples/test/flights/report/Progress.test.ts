/**
 * The line that shows how far a run is, and who gets to see it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Sink from "effect/Sink"
import * as Stdio from "effect/Stdio"
import * as Terminal from "effect/Terminal"
import * as TestClock from "effect/testing/TestClock"
import { lineOf, Progress, shown } from "../../../src/flights/report/Progress.ts"

const progressOf = (total: number, done: number, rows: number, depths: ReadonlyArray<number> = []): Progress => {
  const progress = new Progress()
  progress.total = total
  progress.advance(done, rows)
  progress.depths = depths
  return progress
}

const bar = (full: number): string => "█".repeat(full) + "░".repeat(24 - full)

describe("the line", () => {
  it("has the share, the rows, their rate and each worker's depth", () => {
    assert.strictEqual(
      lineOf(progressOf(200, 50, 1_500_000, [3, 0]), 0.5, 120),
      `${bar(6)}  25%  1,500,000 rows  3,000,000 rows/s  depth 3 0`
    )
  })

  it("starts at nothing, before the size of the work is known", () => {
    assert.strictEqual(lineOf(new Progress(), 0, 80), `${bar(0)}   0%  0 rows  0 rows/s`)
  })

  it("ends at the full bar", () => {
    assert.strictEqual(lineOf(progressOf(10, 11, 7), 7, 80), `${bar(24)} 100%  7 rows  1 rows/s`)
  })

  it("never fills the last column, where a terminal would wrap it", () => {
    const progress = progressOf(10, 5, 1000, [1, 2, 3, 4, 5, 6, 7, 8])
    assert.strictEqual(lineOf(progress, 1, 40).length, 39)
    assert.isTrue(lineOf(progress, 1, 200).startsWith(lineOf(progress, 1, 40)))
  })
})

/** Standard streams that keep what is printed, and a terminal of 80 columns. */
const fake = (isTerminal: boolean) => {
  const printed = { out: "", err: "" }
  const into = (stream: "out" | "err") => () =>
    Sink.forEach((text: string | Uint8Array) =>
      Effect.sync(() => {
        printed[stream] += String(text)
      })
    )
  const terminal = Terminal.make({
    columns: Effect.succeed(80),
    rows: Effect.succeed(24),
    size: Queue.make<Terminal.Size>(),
    readInput: Effect.never,
    readLine: Effect.never,
    display: () => Effect.void
  })
  const layer = Layer.merge(
    Stdio.layerTest({ stderrIsTerminal: Effect.succeed(isTerminal), stdout: into("out"), stderr: into("err") }),
    Layer.succeed(Terminal.Terminal, terminal)
  )
  return { printed, layer }
}

/** A run of 250 ms that is half done all along. */
const halfDone = Effect.fnUntraced(function* (isTerminal: boolean) {
  const { layer, printed } = fake(isTerminal)
  const run = Effect.as(Effect.sleep("250 millis"), "result").pipe(shown(progressOf(2, 1, 1000)), Effect.provide(layer))
  const fiber = yield* Effect.forkChild(run)
  yield* TestClock.adjust("250 millis")
  assert.strictEqual(yield* Fiber.join(fiber), "result")
  return printed
})

const erased = "\r\u001b[K"

describe("shown", () => {
  it.effect("draws on a terminal every 100 ms, over itself, and leaves nothing behind", () =>
    Effect.gen(function* () {
      const { err, out } = yield* halfDone(true)
      assert.deepStrictEqual(err.split(erased), [
        "",
        `${bar(12)}  50%  1,000 rows  0 rows/s`,
        `${bar(12)}  50%  1,000 rows  10,000 rows/s`,
        `${bar(12)}  50%  1,000 rows  5,000 rows/s`,
        ""
      ])
      assert.strictEqual(out, "")
    })
  )

  it.effect("prints nothing where standard error is no terminal", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* halfDone(false), { out: "", err: "" })
    })
  )

  it.effect("erases the line of a run that fails", () =>
    Effect.gen(function* () {
      const { layer, printed } = fake(true)
      const failed = yield* Effect.fail("no").pipe(shown(new Progress()), Effect.provide(layer), Effect.flip)
      assert.strictEqual(failed, "no")
      assert.isTrue(printed.err.endsWith(erased))
    })
  )
})
