import { spawn } from "node:child_process"
import { readdirSync } from "node:fs"
import { tmpdir } from "node:os"
import { assert, describe, it } from "@effect/vitest"
import { SharedPage } from "../../src/SharedPage.ts"

const bytes = 256

/** Runs `code` in a process that has the page; it ends by itself. */
const run = (page: SharedPage, maps: boolean, code: string) =>
  new Promise<NodeJS.Signals | null>((resolve) => {
    const open = `import { open } from ${JSON.stringify(new URL("../../src/SharedPage.ts", import.meta.url).href)}
      const { memory, noted } = open(3, ${bytes}, ${maps})
      const words = new Int32Array(memory)`
    const script = `${open}\n${code}`
    spawn(process.execPath, ["--input-type=module-typescript", "--eval", script], {
      stdio: ["ignore", "inherit", "inherit", page.descriptor]
    }).once("exit", (_, signal) => resolve(signal))
  })

const names = () =>
  ["/dev/shm", tmpdir()].flatMap((folder) => {
    try {
      return readdirSync(folder).filter((name) => name.startsWith("shared-nothing-"))
    } catch {
      return []
    }
  })

describe("SharedPage", () => {
  for (const maps of [true, false]) {
    it(`has the last store of a process that was killed, ${maps ? "mapped" : "written"}`, async () => {
      const page = new SharedPage(bytes)
      const code = `
        for (let i = 1; i <= 1000; i++) {
          words[40] = i
          noted()
        }
        process.kill(process.pid, "SIGKILL")
        for (;;) {}`
      assert.strictEqual(await run(page, maps, code), "SIGKILL")
      assert.strictEqual(page.read()[40], 1000)
      page.close()
      // What it was, also now.
      assert.strictEqual(page.read()[40], 1000)
    })
  }

  it("costs nothing to note where it is mapped, and says nothing of it", async () => {
    const page = new SharedPage(bytes)
    const code = `
      process.on("warning", () => process.exit(1))
      words[1] = 7
      setImmediate(() => process.kill(process.pid, "SIGKILL"))`
    assert.strictEqual(await run(page, true, code), "SIGKILL")
    // Not told, and seen all the same: where there is no mapping this is the other way.
    const isMapped = Number.parseInt(process.versions.node) >= 26 && process.platform !== "win32"
    assert.strictEqual(page.read()[1], isMapped ? 7 : 0)
    page.close()
  })

  it("has no name, and no descriptor once it is closed", () => {
    const before = names()
    const page = new SharedPage(bytes)
    assert.deepStrictEqual(names(), before)
    page.close()
    page.close()
    const next = new SharedPage(bytes)
    assert.strictEqual(next.descriptor, page.descriptor)
    next.close()
  })
})
