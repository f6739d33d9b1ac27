/**
 * A worker's module starts from source, from compiled output and from bundles, and one that is not
 * there is named.
 */
import { execFile } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { InvalidConfig } from "@shared-nothing/core/Errors"
import * as NodeWorkers from "@shared-nothing/platform/NodeWorkers"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Build, builds } from "./builds.ts"
import { Tally } from "./program/Tally.ts"

const run = promisify(execFile)

const output = readFileSync(path.join(import.meta.dirname, "program/output.txt"), "utf8")

describe("worker entries", () => {
  let folder: string

  beforeAll(() => {
    // Inside this package, so that imports which a bundle leaves resolve as they do from source.
    const dist = path.join(import.meta.dirname, "../../dist")
    mkdirSync(dist, { recursive: true })
    folder = mkdtempSync(path.join(dist, "entries-"))
  })

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const make = (name: string, build: Build): Promise<string> =>
    build(mkdtempSync(path.join(folder, `${name.replaceAll(/\W+/g, "-")}-`)))

  for (const [name, build] of Object.entries(builds)) {
    it(`start from ${name}`, async () => {
      const main = await make(name, build)
      const { stderr, stdout } = await run(process.execPath, [main], { timeout: 30_000 })
      assert.strictEqual(stderr, "")
      assert.strictEqual(stdout, output)
    })
  }

  it("are ready after a time that is printed, and not judged on a machine that does other things", async () => {
    for (const name of ["TypeScript source", "bundles of esbuild"]) {
      const main = await make(name, builds[name])
      const worker = path.join(path.dirname(main), `Tally.worker${path.extname(main)}`)
      const { stdout } = await run(process.execPath, [path.join(import.meta.dirname, "readyTime.ts"), worker])
      assert.match(stdout, /^ready after \d+ ms, median of 10 starts/)
      console.log(`worker from ${name}: ${stdout.trimEnd()}`)
    }
  })

  it.effect("that are not there are named before any thread starts", () =>
    Effect.gen(function* () {
      const module = new URL("./program/Tolly.worker.ts", import.meta.url)
      const error = yield* Effect.flip(Effect.scoped(Layer.build(NodeWorkers.layerThreads([Tally, module]))))
      assert.instanceOf(error, InvalidConfig)
      assert.strictEqual(error.option, "NodeWorkers.layerThreads.Tally")
      assert.strictEqual(error.value, fileURLToPath(module))
      assert.include(error.message, fileURLToPath(module))
    })
  )
})
