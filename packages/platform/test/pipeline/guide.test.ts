/** The programs of the guide to pipelines: they must type-check, run, and print what the guide says. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import * as path from "node:path"
import { promisify } from "node:util"

const platform = path.join(import.meta.dirname, "../..")
const root = path.join(platform, "../..")
const tsc = path.join(path.dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc")
const run = promisify(execFile)
const guide = readFileSync(path.join(root, "docs/guide/pipelines.md"), "utf8")

const titled = new Map(
  Array.from(guide.matchAll(/^```\w+ title="([^"]+)"\n(.*?)^```$/gms), ([, title, text]) => [title, text] as const)
)
const runnable = Array.from(
  guide.matchAll(/^```ts runnable\n(.*?)^```$/gms),
  ([, text], index) => [`snippet${index}.ts`, text] as const
)

describe("The guide to pipelines", () => {
  let folder: string

  beforeAll(() => {
    // Inside this package, so that imports resolve as they do for a user who installed the packages.
    folder = mkdtempSync(path.join(platform, ".guide-"))
    for (const [title, text] of [...titled, ...runnable]) {
      if (title !== "output") writeFileSync(path.join(folder, title), text)
    }
    const tsconfig = { extends: path.join(root, "tsconfig.base.json"), compilerOptions: { types: ["node"] } }
    writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify(tsconfig))
  })

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const runs = (file: string) => run(process.execPath, [file], { cwd: folder, timeout: 30_000 })

  it("shows code that type-checks", async () => {
    const complaints = await run(process.execPath, [tsc, "-p", folder]).then(
      () => "",
      (failure) => failure.stdout || String(failure)
    )
    assert.strictEqual(complaints, "")
  })

  it("shows what the first program prints", async () => {
    const { stderr, stdout } = await runs("main.ts")
    assert.strictEqual(stderr, "")
    assert.strictEqual(stdout, titled.get("output"))
  })

  it("shows snippets that hold what they claim", async () => {
    assert.strictEqual(runnable.length, 2)
    for (const [file] of runnable) assert.strictEqual((await runs(file)).stderr, "")
  })
})
