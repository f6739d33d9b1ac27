import { assert, describe, it } from "@effect/vitest"
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as Parquet from "@shared-nothing/platform/Parquet"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"

// Three million flights in 11 row groups.
const flights = fileURLToPath(new URL("../data/flights-3m.parquet", import.meta.resolve("vega-datasets")))

const Flight = Schema.Struct({ delay: Schema.BigInt, origin: Schema.String })
const Delay = Schema.Struct({ delay: Schema.BigInt })

describe("Parquet", () => {
  it.live("reads every row of the columns that the schema names, at any parallelism", () =>
    Effect.gen(function* () {
      const total = (parallelism: number) =>
        Parquet.parquet(Delay, [flights], { parallelism }).pipe(
          Stream.runFold(
            () => ({ rows: 0, minutes: 0 }),
            ({ minutes, rows }, { delay }) => ({ rows: rows + 1, minutes: minutes + Number(delay) })
          )
        )
      assert.deepStrictEqual(yield* total(3), { rows: 3_000_000, minutes: 20_003_603 })
    })
  )

  it.live("keeps the order of rows within a row group, in pieces", () =>
    Effect.gen(function* () {
      const first = (rows: number) =>
        Parquet.parquet(Flight, [flights], { rows }).pipe(Stream.take(10_000), Stream.runCollect)
      assert.deepStrictEqual(yield* first(1000), yield* first(65_536))
    })
  )

  it.live("says which row does not fit, and which file cannot be read", () =>
    Effect.gen(function* () {
      const Wrong = Schema.Struct({ delay: Schema.String })
      const failure = yield* Effect.flip(Stream.runDrain(Parquet.parquet(Wrong, [flights])))
      assert.instanceOf(failure, Pipeline.PipelineFailed)
      assert.strictEqual(failure.stage, "parquet row")
      assert.match(failure.message, /element \{"delay"/)
      const folder = yield* Effect.acquireRelease(
        Effect.promise(() => mkdtemp(path.join(tmpdir(), "parquet-"))),
        (folder) => Effect.promise(() => rm(folder, { recursive: true }))
      )
      const file = path.join(folder, "cut.parquet")
      yield* Effect.promise(() => writeFile(file, "PAR1 and nothing more"))
      for (const bad of [file, path.join(folder, "absent.parquet")]) {
        const failed = yield* Effect.flip(Stream.runDrain(Parquet.parquet(Delay, [bad])))
        assert.instanceOf(failed, Pipeline.PipelineFailed)
        assert.strictEqual(failed.stage, "parquet")
        assert.include(failed.detail, bad)
      }
    }).pipe(Effect.scoped)
  )
})
