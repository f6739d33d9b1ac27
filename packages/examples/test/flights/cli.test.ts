/**
 * The command in the test's own thread: what goes to which stream, and what becomes of rejected rows.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Sink from "effect/Sink"
import * as Stdio from "effect/Stdio"
import * as TestConsole from "effect/testing/TestConsole"
import { main } from "../../src/flights/cli.ts"
import { overPipeline } from "../../src/flights/run/overPipeline.ts"
import type { Runner } from "../../src/flights/run/Runner.ts"

const fibers = overPipeline(Layer.empty)

/** Runs the command on the given arguments; what it logs counts as printed where it went. */
const run = Effect.fnUntraced(function* (runner: Runner, ...args: ReadonlyArray<string>) {
  const printed = { out: "", err: "" }
  const into = (stream: "out" | "err") => () =>
    Sink.forEach((text: string | Uint8Array) =>
      Effect.sync(() => {
        printed[stream] += String(text)
      })
    )
  const stdio = Stdio.layerTest({ args: Effect.succeed(args), stdout: into("out"), stderr: into("err") })
  return yield* Effect.gen(function* () {
    const exit = yield* Effect.exit(main(runner))
    const logged = { out: yield* TestConsole.logLines, err: yield* TestConsole.errorLines }
    return {
      failed: Exit.isFailure(exit),
      out: [printed.out, ...logged.out].join(""),
      err: [printed.err, ...logged.err].join("")
    }
  }).pipe(Effect.provide(Layer.mergeAll(stdio, TestConsole.layer)))
})

const good = "date,delay,origin,destination\n2001-01-01 00:01,16,LAS,PHL\n"
const bad = `${good}2001-01-01 00:01,late,LAS,PHL\n`

const result =
  '{"key":"LAS","window":"2001-01-01T00:00:00.000Z","flights":1,"delayed":1,"meanDelay":16,"maxDelay":16}\n'

/** A file with the given text, in a folder of its own. */
const csv = Effect.fnUntraced(function* (text: string) {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "flights-" })
  const path = `${folder}/a.csv`
  yield* fs.writeFileString(path, text)
  return { fs, path, kept: `${path}.rejected.ndjson` }
})

const withFiles = Effect.provide(NodeServices.layer)

describe("logs", () => {
  it.live("go to standard error: standard output is NDJSON whoever logs", () =>
    Effect.gen(function* () {
      const { path } = yield* csv(good)
      const logging: Runner = (...job) => Effect.andThen(Effect.logWarning("a slow disk"), fibers(...job))
      const { err, failed, out } = yield* run(logging, "--json", "--workers", "2", "--input", path)
      assert.isFalse(failed)
      assert.strictEqual(out, result)
      assert.include(err, "a slow disk")
    }).pipe(withFiles)
  )
})

describe("rejected rows", () => {
  it.live("are a failure, after the results of all others", () =>
    Effect.gen(function* () {
      const { fs, kept, path } = yield* csv(bad)
      const { err, failed, out } = yield* run(fibers, "--json", "--workers", "2", "--input", path)
      assert.isTrue(failed)
      assert.strictEqual(out, result)
      assert.isTrue(
        err.startsWith(`${path}: 1 row rejected, the first is row 2 (line 3), column delay: "late" is`),
        err
      )
      assert.isTrue(err.endsWith(`\n1 row rejected, kept in ${kept}\n`), err)
      assert.strictEqual(JSON.parse(yield* fs.readFileString(kept)).row, 2)
    }).pipe(withFiles)
  )

  it.live("of an earlier run are not left beside a good file", () =>
    Effect.gen(function* () {
      const { fs, kept, path } = yield* csv(good)
      yield* fs.writeFileString(kept, "{}\n")
      const { err, failed } = yield* run(fibers, "--json", "--workers", "1", "--input", path)
      assert.isFalse(failed)
      assert.notInclude(err, "rejected")
      assert.isFalse(yield* fs.exists(kept))
    }).pipe(withFiles)
  )

  it.live("that cannot be kept are said to be lost", () =>
    Effect.gen(function* () {
      const { fs, kept, path } = yield* csv(bad)
      yield* fs.makeDirectory(kept)
      const { err, failed, out } = yield* run(fibers, "--json", "--workers", "1", "--input", path)
      assert.isTrue(failed)
      assert.strictEqual(out, result)
      const lines = err.split("\n")
      assert.include(lines[0], `; not kept: ${kept}: `)
      assert.include(lines.at(-2), `1 row rejected, not kept: ${kept}: `)
    }).pipe(withFiles)
  )

  it.live("of an earlier run that cannot be removed are a failure too", () =>
    Effect.gen(function* () {
      const { fs, kept, path } = yield* csv(good)
      yield* fs.makeDirectory(kept)
      const { err, failed, out } = yield* run(fibers, "--json", "--workers", "1", "--input", path)
      assert.isTrue(failed)
      assert.strictEqual(out, result)
      assert.isTrue(err.startsWith(`${path}: no rows rejected, but ${kept} of an earlier run is still there: `), err)
    }).pipe(withFiles)
  )
})
