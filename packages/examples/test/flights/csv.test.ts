import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Input from "../../src/flights/input/Input.ts"

/** Reads a file of that text as the job would, part after part. */
const read = (text: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const file = yield* fs.makeTempFileScoped({ suffix: ".csv" })
    yield* fs.writeFileString(file, text)
    const tasks = yield* Input.plan(file)
    const reader = yield* Input.open(file, "route")
    const parts = yield* Effect.forEach(tasks, reader.read)
    const rows = parts.flatMap(({ columns }) =>
      Array.from({ length: columns.rows }, (_, i) => ({
        time: columns.times[i],
        delay: columns.delays[i],
        origin: reader.names.list[columns.origins[i]],
        destination: reader.names.list[columns.destinations[i]]
      }))
    )
    return {
      tasks,
      parts,
      rows,
      seen: parts.reduce((sum, part) => sum + part.rows, 0),
      lines: parts.reduce((sum, part) => sum + part.lines, 0),
      rejected: parts.flatMap((part) => part.rejected)
    }
  }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))

const header = "date,delay,distance,origin,destination"

describe("CSV", () => {
  it.effect("reads a mark of byte order, CRLF, quotes, any order of columns and no last line end", () =>
    Effect.gen(function* () {
      const { rejected, rows } = yield* read(
        '\ufeff"Origin",date,destination,note,delay\r\nLAS,2001-01-01 00:01,"PHL","a, ""b""",33\r\n\r\n"A""B",2001-01-02,X,,-5'
      )
      assert.deepStrictEqual(rejected, [])
      assert.deepStrictEqual(rows, [
        { time: Date.UTC(2001, 0, 1, 0, 1), delay: 33, origin: "LAS", destination: "PHL" },
        { time: Date.UTC(2001, 0, 2), delay: -5, origin: 'A"B', destination: "X" }
      ])
    })
  )

  it.effect("rejects a bad row and loses no other", () =>
    Effect.gen(function* () {
      const { rejected, rows, seen } = yield* read(
        [
          header,
          "2001-01-01,1,1,AAA,BBB",
          "2001-01-01,x,1,AAA,BBB",
          "yesterday,1,1,AAA,BBB",
          '2001-01-01,1,1,"AAA,BBB',
          "2001-01-01,1,1,AAA",
          "",
          "2001-01-01,,1,AAA,BBB",
          "2001-01-01,1,1,,BBB",
          "2001-01-01,2,1,AAA,BBB"
        ].join("\n")
      )
      assert.deepStrictEqual(
        rows.map((row) => row.delay),
        [1, 2]
      )
      assert.strictEqual(seen, 8)
      assert.deepStrictEqual(
        rejected.map(({ column, line, reason, row }) => [row, line, column, reason]),
        [
          [2, 2, "delay", '"x" is not a whole number of minutes'],
          [3, 3, "date", '"yesterday" is not a date such as 2001-01-31 23:59'],
          [4, 4, "", "a quote is not closed on its line"],
          [5, 5, "", "4 fields where the header has 5"],
          [6, 7, "delay", "missing"],
          [7, 8, "origin", "missing"]
        ]
      )
      assert.strictEqual(rejected[0].raw, "2001-01-01,x,1,AAA,BBB")
    })
  )

  it.effect("gives each line to one range, however the ranges fall", () =>
    Effect.gen(function* () {
      const count = 150_000
      const lines = Array.from(
        { length: count },
        (_, i) => `2001-01-01 00:00:00.${`${i % 1000}`.padStart(3, "0")},${i},${"9".repeat(i % 13)},AAA,BBB`
      )
      const { lines: seenLines, rejected, rows, tasks } = yield* read([header, ...lines].join("\r\n"))
      assert.isAbove(tasks.length, 2)
      assert.strictEqual(rejected.length, 0)
      assert.strictEqual(seenLines, count)
      assert.isTrue(rows.every((row, i) => row.delay === i))
      assert.strictEqual(rows.length, count)
    })
  )

  it.effect("rejects a line without end and goes on after it", () =>
    Effect.gen(function* () {
      const long = "z".repeat(5 << 20)
      const { rejected, rows } = yield* read(
        [header, "2001-01-01,1,1,AAA,BBB", long, "2001-01-01,2,1,AAA,BBB"].join("\n")
      )
      assert.deepStrictEqual(
        rows.map((row) => row.delay),
        [1, 2]
      )
      assert.strictEqual(rejected.length, 1)
      assert.strictEqual(rejected[0].reason, "the line is longer than 64 KiB")
    })
  )

  it.effect("names the columns that a header lacks", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(read("date,delay,from,to\n"))
      assert.include(error.message, "lacks the columns origin, destination")
    })
  )
})
