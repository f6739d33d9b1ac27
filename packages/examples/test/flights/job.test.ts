/**
 * The job as its user runs it: a process with arguments, streams and an exit code.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import { flightsFile } from "./support.ts"

const main = fileURLToPath(new URL("../../src/flights/main.ts", import.meta.url))

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "flights-"))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

const start = (args: ReadonlyArray<string>) =>
  spawn(process.execPath, [main, ...args], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"]
  })

const ended = (child: ChildProcess): Promise<number | NodeJS.Signals | null> =>
  new Promise((resolve) => child.once("close", (code, signal) => resolve(code ?? signal)))

const run = async (...args: ReadonlyArray<string>) => {
  const child = start(args)
  const [code, out, err] = await Promise.all([ended(child), text(child.stdout), text(child.stderr)])
  return { code, out, err }
}

const file = async (name: string, content: string | Uint8Array): Promise<string> => {
  await writeFile(join(folder, name), content)
  return name
}

const header = "date,delay,distance,origin,destination"

const small = [
  header,
  "2001-01-01 00:01,16,605,LAS,PHL",
  "2001-01-01 01:30,15,605,LAS,PHL",
  "2001-01-02 00:00,-4,605,PHL,LAS",
  "2001-01-01 00:59,100,605,LAS,BOS",
  ""
].join("\n")

describe("what it prints", () => {
  it("prints NDJSON on standard output and nothing else there", async () => {
    const input = await file("small.csv", small)
    const { code, err, out } = await run(
      "--input",
      input,
      "--json",
      "--by",
      "route",
      "--window",
      "1h",
      "--workers",
      "3"
    )
    assert.strictEqual(code, 0)
    assert.deepStrictEqual(out.split("\n"), [
      '{"key":"LAS-BOS","window":"2001-01-01T00:00:00.000Z","flights":1,"delayed":1,"meanDelay":100,"maxDelay":100}',
      '{"key":"LAS-PHL","window":"2001-01-01T00:00:00.000Z","flights":1,"delayed":1,"meanDelay":16,"maxDelay":16}',
      '{"key":"LAS-PHL","window":"2001-01-01T01:00:00.000Z","flights":1,"delayed":0,"meanDelay":15,"maxDelay":15}',
      '{"key":"PHL-LAS","window":"2001-01-02T00:00:00.000Z","flights":1,"delayed":0,"meanDelay":-4,"maxDelay":-4}',
      ""
    ])
    assert.match(err, /4 rows in .* s.*; 4 groups\n3 workers; messages per worker: /)
  })

  it("names the window of everything by the first row's day", async () => {
    const input = await file("all.csv", `${header}\n2001-03-05 10:00,2,1,AAA,BBB\n2001-03-01 10:00,3,1,AAA,BBB\n`)
    const { out } = await run("--input", input, "--json", "--window", "all")
    assert.strictEqual(
      out,
      '{"key":"AAA","window":"2001-03-05T00:00:00.000Z","flights":2,"delayed":0,"meanDelay":2.5,"maxDelay":3}\n'
    )
  })

  it("starts windows of 7 days on Thursdays", async () => {
    const input = await file("week.csv", `${header}\n2001-01-03 23:59,2,1,AAA,BBB\n2001-01-04 00:00,3,1,AAA,BBB\n`)
    const { out } = await run("--input", input, "--json", "--window", "7d")
    assert.deepStrictEqual(
      out.match(/"window":"[^"]+/g)?.map((window) => window.slice(10, 20)),
      ["2000-12-28", "2001-01-04"]
    )
  })

  it("prints the worst airports with their names, and writes a page that needs nothing else", async () => {
    const input = await file("table.csv", small)
    const { code, out } = await run("--input", input, "--html", "page.html")
    assert.strictEqual(code, 0)
    assert.match(out, /1 {2}LAS .*Las Vegas NV +3 +66.7 % +43.7 +100/)
    const page = await readFile(join(folder, "page.html"), "utf8")
    assert.match(page, /<svg/)
    assert.notMatch(page, /<script|<link|src=|NaN|undefined/)
  })

  it("says so when there is nothing", async () => {
    const { code, out } = await run("--input", await file("none.csv", `${header}\n`), "--html", "none.html")
    assert.strictEqual(code, 0)
    assert.match(out, /^No flights\./)
  })
})

describe("bad input", () => {
  const parquet = () => readFile(flightsFile)
  const cases: ReadonlyArray<readonly [string, RegExp, () => Promise<ReadonlyArray<string>>]> = [
    ["a missing file", /^flights: nope.csv: no such file\n$/, async () => ["--input", "nope.csv"]],
    ["a directory", /^flights: \.: is a directory/, async () => ["--input", "."]],
    ["an empty file", /^flights: empty.csv: is empty\n$/, async () => ["--input", await file("empty.csv", "")]],
    [
      "a truncated parquet file",
      /^flights: cut.parquet: a truncated parquet file/,
      async () => ["--input", await file("cut.parquet", (await parquet()).subarray(0, 1_000_000))]
    ],
    [
      "a file that is no parquet",
      /^flights: no.parquet: not a parquet file\n$/,
      async () => ["--input", await file("no.parquet", "PK\u0003\u0004")]
    ],
    [
      "a damaged row group",
      /^flights: bad.parquet: row group 1: cannot be decoded: /,
      async () => {
        const bytes = await parquet()
        bytes.fill(0, 140_000, 142_000)
        return ["--input", await file("bad.parquet", bytes)]
      }
    ],
    [
      "a wrong header",
      /^flights: head.csv: row 1 \(header\): lacks the columns delay, origin; it reads "date,destination"\n$/,
      async () => ["--input", await file("head.csv", "date,destination\n")]
    ],
    ["no workers", /^flights: .*--workers.*a whole number from 1 to 256/, async () => ["--workers", "0"]],
    ["an unknown option", /^flights: .*--nope/, async () => ["--nope"]],
    ["an unknown key", /^flights: .*--by.*"plane"/, async () => ["--by", "plane"]]
  ]
  for (const [name, expected, args] of cases) {
    it(`${name} is one line and a failure`, async () => {
      const { code, err, out } = await run(...(await args()))
      assert.match(err, expected)
      assert.strictEqual(err.trimEnd().split("\n").length, 1, err)
      assert.strictEqual(out, "")
      assert.notStrictEqual(code, 0)
    })
  }

  it("keeps bad rows aside, counts them, and goes on to a failure", async () => {
    const lines = small.trimEnd().split("\n")
    lines.splice(3, 0, "2001-01-01 00:01,late,605,LAS,PHL", "", "2001-02-30,1,605,LAS,PHL")
    const input = await file("rows.csv", lines.join("\r\n"))
    const { code, err, out } = await run("--input", input)
    assert.strictEqual(code, 1)
    assert.match(out, /6 rows in /)
    assert.match(out, /\n2 rows rejected, kept in rows.csv.rejected.ndjson\n$/)
    assert.strictEqual(
      err,
      'rows.csv: 2 rows rejected, the first is row 3 (line 4), column delay: "late" is not a whole number of minutes; ' +
        "kept in rows.csv.rejected.ndjson\n"
    )
    const kept = await readFile(join(folder, "rows.csv.rejected.ndjson"), "utf8")
    assert.deepStrictEqual(
      kept
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
      [
        {
          row: 3,
          line: 4,
          column: "delay",
          reason: '"late" is not a whole number of minutes',
          raw: "2001-01-01 00:01,late,605,LAS,PHL"
        },
        {
          row: 4,
          line: 6,
          column: "date",
          reason: '"2001-02-30" is not a date such as 2001-01-31 23:59',
          raw: "2001-02-30,1,605,LAS,PHL"
        }
      ]
    )
  })
})

describe("as a part of a shell line", () => {
  it("ends quietly when its reader has enough", async () => {
    const child = start(["--json", "--by", "route"])
    const err = text(child.stderr)
    child.stdout.once("data", () => child.stdout.destroy())
    assert.strictEqual(await ended(child), 0)
    assert.strictEqual(await err, "")
  })

  it("writes the page for a reader that has enough", async () => {
    const child = start(["--input", await file("late.csv", small), "--json", "--html", "late.html"])
    child.stdout.destroy()
    assert.strictEqual(await ended(child), 0)
    assert.match(await readFile(join(folder, "late.html"), "utf8"), /<svg/)
  })

  it("tells of bad rows when its reader has enough", async () => {
    const child = start(["--input", await file("closed.csv", `${small}2001-01-01,late,605,LAS,PHL\n`)])
    child.stdout.destroy()
    const err = text(child.stderr)
    assert.strictEqual(await ended(child), 1)
    assert.match(await err, /^closed.csv: 1 row rejected, [^\n]*\n$/)
  })

  it.skipIf(!existsSync("/dev/full"))("says in a line that a disk is full", async () => {
    const args = ["--input", await file("full.csv", small), "--json"]
    const disk = await open("/dev/full", "w")
    const child = spawn(process.execPath, [main, ...args], { cwd: folder, stdio: ["ignore", disk.fd, "pipe"] })
    const err = text(child.stderr ?? assert.fail())
    assert.strictEqual(await ended(child), 1)
    await disk.close()
    assert.match(await err, /^flights: standard output: ENOSPC[^\n]*\n$/)
  })

  it("ends at an interrupt, and leaves nothing running", async () => {
    // More than a pipe holds: a reader that stops reading keeps it printing until the signal.
    const child = start(["--json", "--by", "destination", "--window", "1h"])
    child.stdout.once("data", () => {
      child.stdout.pause()
      child.kill("SIGINT")
    })
    assert.strictEqual(await ended(child), 130)
  })
})

describe("the same for any number of workers", () => {
  it("prints the same bytes for 1 and 7", { timeout: 120_000 }, async () => {
    const outputs: Array<string> = []
    for (const workers of ["1", "7"]) {
      const { code, out } = await run("--json", "--by", "destination", "--window", "1h", "--workers", workers)
      assert.strictEqual(code, 0)
      outputs.push(out)
    }
    assert.isAbove(outputs[0].length, 10_000_000)
    assert.isTrue(outputs[1] === outputs[0])
  })
})
