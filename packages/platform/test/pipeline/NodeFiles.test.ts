import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as NodeFiles from "@shared-nothing/platform/NodeFiles"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import * as path from "node:path"

const airports = path.join(
  path.dirname(createRequire(import.meta.url).resolve("vega-datasets")),
  "../data/airports.csv"
)

describe("NodeFiles", () => {
  let folder: string
  const file = (name: string) => path.join(folder, name)
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), "shared-nothing-"))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  it.effect("reads every line once, however the file is split", () =>
    Effect.gen(function* () {
      const texts = ["one", "", "three\r", "vier", "a longer line — with more bytes than letters", "last"]
      for (const end of ["", "\n"]) {
        writeFileSync(file("lines.txt"), texts.join("\n") + end)
        const expected = texts.map((text) => text.replace("\r", "")).sort()
        for (const splitBytes of [1, 2, 3, 5, 8, 13, 64, 1000]) {
          const read = yield* Stream.runCollect(NodeFiles.lines([file("lines.txt")], { splitBytes, parallelism: 3 }))
          assert.deepStrictEqual([...read].sort(), expected, `parts of ${splitBytes} bytes`)
        }
      }
    })
  )

  it.effect("reads JSON, and tells which line is none", () =>
    Effect.gen(function* () {
      writeFileSync(file("data.ndjson"), '{"n":1}\n\n{"n":2}\n{"n":')
      const Data = Schema.Struct({ n: Schema.Number })
      const all = yield* Stream.runCollect(NodeFiles.ndjson(Data, [file("data.ndjson")], { onError: "skip" }))
      assert.deepStrictEqual(all, [{ n: 1 }, { n: 2 }])
      const failure = yield* Effect.flip(Stream.runDrain(NodeFiles.ndjson(Data, [file("data.ndjson")])))
      assert.match(failure.message, /^stage ndjson failed in element \(element "\{\\"n\\":"\): SyntaxError/)
    })
  )

  it.effect("reads real CSV, quotes and all", () =>
    Effect.gen(function* () {
      const Airport = Schema.Struct({
        iata: Schema.String,
        name: Schema.String,
        city: Schema.String,
        state: Schema.String,
        country: Schema.String,
        latitude: Schema.NumberFromString,
        longitude: Schema.NumberFromString
      })
      const columns = ["iata", "name", "city", "state", "country", "latitude", "longitude"] as const
      const read = NodeFiles.csv(Airport, columns, [airports], { parallelism: 2, splitBytes: 50_000 })
      const all = yield* Stream.runCollect(read)
      assert.strictEqual(all.length, 3376)
      const jfk = all.find(({ iata }) => iata === "JFK")
      assert.strictEqual(jfk?.name, "John F Kennedy Intl")
      assert.approximately(jfk?.latitude ?? 0, 40.64, 0.01)
      assert.deepStrictEqual(NodeFiles.cellsOf('a,"b, ""c""",,"d"'), ["a", 'b, "c"', "", "d"])
    })
  )

  it.effect("writes a file that is whole or not there", () =>
    Effect.gen(function* () {
      const count = yield* Stream.make("a", "b", "c").pipe(NodeFiles.toFile(file("out.txt")))
      assert.strictEqual(count, 3)
      assert.strictEqual(readFileSync(file("out.txt"), "utf8"), "a\nb\nc\n")
      const broken = Stream.concat(Stream.make("x"), Stream.fail("broken" as const))
      assert.strictEqual(yield* Effect.flip(broken.pipe(NodeFiles.toFile(file("out.txt")))), "broken")
      assert.strictEqual(readFileSync(file("out.txt"), "utf8"), "a\nb\nc\n")
      assert.isFalse(existsSync(file("out.txt.partial")))
    })
  )
})
