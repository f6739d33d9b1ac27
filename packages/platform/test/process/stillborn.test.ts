/** What a child process that cannot be imported says, and where. */
import { execFile } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { pathToFileURL } from "node:url"
import { promisify } from "node:util"
import { afterAll, assert, describe, it } from "@effect/vitest"

const run = promisify(execFile)
const program = path.join(import.meta.dirname, "stillborn.script.ts")
const folder = mkdtempSync(path.join(tmpdir(), "stillborn-"))

afterAll(() => rmSync(folder, { recursive: true }))

/** Starts a child of such a module: what its parent has as the error, and what came on stderr. */
const startOf = async (name: string, code: string) => {
  const file = path.join(folder, name)
  writeFileSync(file, code)
  const { stderr, stdout } = await run(process.execPath, [program, pathToFileURL(file).href])
  const [message, ...stack] = stdout.split("\n")
  return { message, stack: stack.join("\n"), stderr }
}

const panicked = "worker Ledger/0 panicked in import:"

describe("a child process that cannot be imported", () => {
  it("says why once: in the error, with its stack", async () => {
    const { message, stack, stderr } = await startOf("throws.mjs", 'throw new TypeError("not today")')
    assert.strictEqual(message, `${panicked} TypeError: not today`)
    assert.match(stack, /^TypeError: not today\n +at .*throws\.mjs:1:7/)
    assert.strictEqual(stderr, "")
  })

  it("says so of what is no Error, too", async () => {
    const { message, stderr } = await startOf("object.mjs", "throw { reason: 'none' }")
    assert.strictEqual(message, `${panicked} Error: { reason: 'none' }`)
    assert.strictEqual(stderr, "")
  })

  it("keeps its own words on stderr", async () => {
    const { message, stderr } = await startOf("words.mjs", 'console.error("my words")\nthrow "no more"')
    assert.strictEqual(message, `${panicked} Error: no more`)
    assert.strictEqual(stderr, "my words\n")
  })

  it("shows where a syntax error is", async () => {
    const { message, stderr } = await startOf("syntax.mjs", "\nconst a = = 1")
    assert.strictEqual(message, `${panicked} SyntaxError: Unexpected token '='`)
    assert.match(stderr, /syntax\.mjs:2\nconst a = = 1/)
  })
})
