/**
 * The program in the README, taken out of it as it stands: it must type-check under the project's
 * options, run, and print what the README says.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import * as path from "node:path"
import { promisify } from "node:util"

const examples = path.join(import.meta.dirname, "..")
const root = path.join(examples, "../..")
const tsc = path.join(path.dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc")
const run = promisify(execFile)

/** The fenced blocks that carry a title, by title. */
const titledBlocks = (markdown: string): ReadonlyMap<string, string> =>
  new Map(Array.from(markdown.matchAll(/^```\w+ title="([^"]+)"\n(.*?)^```$/gms), ([, title, text]) => [title, text]))

describe("README", () => {
  const blocks = titledBlocks(readFileSync(path.join(root, "README.md"), "utf8"))
  const output = blocks.get("output")
  let folder: string

  beforeAll(() => {
    // Inside this package, so that imports resolve as they do for a user who installed the packages.
    folder = mkdtempSync(path.join(examples, ".readme-"))
    for (const [title, text] of blocks) {
      if (title !== "output") writeFileSync(path.join(folder, title), text)
    }
    const tsconfig = { extends: path.join(root, "tsconfig.base.json"), compilerOptions: { types: ["node"] } }
    writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify(tsconfig))
  })

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it("shows a contract, an implementation, a program and its output", () => {
    assert.deepStrictEqual([...blocks.keys()], ["Tally.ts", "Tally.worker.ts", "main.ts", "output"])
  })

  it("shows code that type-checks", async () => {
    const complaints = await run(process.execPath, [tsc, "-p", folder]).then(
      () => "",
      (failure) => failure.stdout || String(failure)
    )
    assert.strictEqual(complaints, "")
  })

  it("shows what the program prints", async () => {
    const { stderr, stdout } = await run(process.execPath, ["main.ts"], { cwd: folder, timeout: 30_000 })
    assert.strictEqual(stderr, "")
    assert.strictEqual(stdout, output)
  })
})
