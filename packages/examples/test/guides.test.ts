/**
 * The programs in the pages of the guide, taken out of them as they stand: they type-check under the project's options
 * and run to their end without a complaint. A block begins with `ts runnable`; what a page shows in parts, or for a
 * test runner, is plain `ts`. A page that shows the files of a program, each with a title, is run from `main.ts` and
 * prints what its block `output` says.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import * as path from "node:path"
import { promisify } from "node:util"

const examples = path.join(import.meta.dirname, "..")
const root = path.join(examples, "../..")
const tsc = path.join(path.dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc")
const run = promisify(execFile)

interface Page {
  readonly name: string
  /** The files to write, by name. */
  readonly files: ReadonlyMap<string, string>
  /** Those to run, and what each prints, where the page says it. */
  readonly programs: ReadonlyMap<string, string | undefined>
}

const guide = path.join(root, "docs/guide")

const pageOf = (file: string): Page => {
  const text = readFileSync(path.join(guide, file), "utf8")
  const titled = new Map(
    Array.from(text.matchAll(/^```\w+ title="([^"]+)"\n(.*?)^```$/gms), ([, title, code]) => [title, code] as const)
  )
  const snippets = Array.from(
    text.matchAll(/^```ts runnable\n(.*?)^```$/gms),
    ([, code], index) => [`snippet${index + 1}.ts`, code] as const
  )
  const output = titled.get("output")
  titled.delete("output")
  const programs = new Map<string, string | undefined>(snippets.map(([name]) => [name, undefined]))
  if (titled.has("main.ts")) programs.set("main.ts", output)
  return { name: path.basename(file, ".md"), files: new Map([...titled, ...snippets]), programs }
}

const pages = readdirSync(guide)
  .filter((file) => file.endsWith(".md"))
  .map(pageOf)

describe("The guide", () => {
  let folder: string

  beforeAll(() => {
    // Inside this package, so that imports resolve as they do for a user who installed the packages.
    folder = mkdtempSync(path.join(examples, ".guide-"))
    for (const { files, name } of pages) {
      mkdirSync(path.join(folder, name))
      for (const [file, code] of files) writeFileSync(path.join(folder, name, file), code)
    }
    const tsconfig = { extends: path.join(root, "tsconfig.base.json"), compilerOptions: { types: ["node"] } }
    writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify(tsconfig))
  })

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it("shows code that type-checks", { timeout: 60_000 }, async () => {
    const complaints = await run(process.execPath, [tsc, "-p", folder]).then(
      () => "",
      (failure) => failure.stdout || String(failure)
    )
    assert.strictEqual(complaints, "")
  })

  for (const { name, programs } of pages.filter((page) => page.programs.size > 0)) {
    it(`shows programs on ${name} that run`, { timeout: 60_000 }, async () => {
      for (const [file, output] of programs) {
        const { stderr, stdout } = await run(process.execPath, [file], {
          cwd: path.join(folder, name),
          timeout: 30_000
        })
        assert.strictEqual(stderr, "", file)
        if (output !== undefined) assert.strictEqual(stdout, output)
      }
    })
  }

  it("has programs on most pages", () => {
    const count = pages.reduce((sum, { programs }) => sum + programs.size, 0)
    assert.isAtLeast(count, 12)
  })
})
