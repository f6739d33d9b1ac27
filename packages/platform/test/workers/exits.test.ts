import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"

const run = promisify(execFile)
const program = fileURLToPath(new URL("./fixtures/exits.ts", import.meta.url))

describe("a program with pools ends by itself", () => {
  for (const way of ["closed", "killed", "unstarted", "late"]) {
    it(`with nothing left running: ${way}`, async () => {
      const { stdout } = await run(process.execPath, [program, way], { timeout: 15_000 })
      assert.include(stdout, `${way}: 0 threads and ports`)
    })
  }

  it("although its pool is open, and idle", async () => {
    const { stdout } = await run(process.execPath, [program, "open"], { timeout: 15_000 })
    assert.include(stdout, "open: done")
  })
})
