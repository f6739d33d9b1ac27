import type { ChildProcess } from "node:child_process"
import { fstatSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as WorkerPool from "@shared-nothing/core/WorkerPool"
import * as NodeProcesses from "@shared-nothing/platform/NodeProcesses"
import * as Effect from "effect/Effect"
import * as Child from "../../src/Child.ts"
import { ChildLife } from "../../src/ChildLife.ts"
import * as Resolutions from "../../src/Resolutions.ts"
import { SharedPage } from "../../src/SharedPage.ts"
import { Ledger } from "./Ledger.ts"
import { until } from "./processes.ts"

const fixture = (name: string): URL => new URL(`../workers/fixtures/resolving/${name}`, import.meta.url)

const start = (module: URL): ChildProcess => {
  const page = new SharedPage(256)
  const child = Child.start(module, [], {}, [], page.descriptor, Resolutions.fileOf(module))
  page.close()
  return child
}

/** Waits for what a child reports of a kind. */
const report = (child: ChildProcess, tag: string): Promise<Record<string, string>> =>
  new Promise((resolve) =>
    child.on("message", (message) => {
      const [, said] = message as unknown as [number, Record<string, string> | undefined]
      if (said?._tag === tag) resolve(said)
    })
  )

const end = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    child.once("exit", () => resolve())
    child.kill("SIGKILL")
  })

describe("Resolutions, of processes", () => {
  it("are told by one that had to look for them", async () => {
    const module = fixture("child.ts")
    const child = start(module)
    const [{ name }, { found }] = await Promise.all([report(child, "Imported"), report(child, "Resolved")])
    await end(child)
    assert.strictEqual(name, "one")
    const all = JSON.parse(found) as Record<string, Record<string, ReadonlyArray<string>>>
    assert.deepStrictEqual(all[module.href]["./one.ts"], [fixture("one.ts").href, "module-typescript"])
  })

  it("are what others go by, each time", async () => {
    // A name of its own, so that what is written down is no other test's.
    const module = new URL("?misled", fixture("child.ts"))
    assert.isUndefined(Resolutions.fileOf(module))
    const misled = { [module.href]: { "./one.ts": [fixture("two.ts").href, "module-typescript"] } }
    Resolutions.write(module, JSON.stringify(misled))
    // Who comes later does not overwrite it.
    Resolutions.write(module, "{}")
    for (let life = 0; life < 2; life++) {
      const child = start(module)
      const said = report(child, "Imported")
      assert.strictEqual((await said).name, "two")
      await end(child)
    }
  })

  it("are not taken from one that may find other files", async () => {
    const module = new URL("?own", fixture("child.ts"))
    const told = (shares: boolean) => {
      const life = new ChildLife(module, [], {}, [], "worker", shares)
      life.take({ _tag: "Resolved", found: "{}" })
      return Effect.runPromise(life.kill)
    }
    await told(Resolutions.isShared({ env: { OWN: "1" } }))
    assert.isUndefined(Resolutions.fileOf(module))
    await told(Resolutions.isShared({ heapMegabytes: 64 }))
    assert.isDefined(Resolutions.fileOf(module))
  })

  it.live("are kept of the first worker", () =>
    Effect.gen(function* () {
      const module = new URL("./Ledger.worker.ts", import.meta.url)
      yield* Effect.provide(
        Effect.gen(function* () {
          yield* WorkerPool.make(Ledger, { size: 1, initData: { log: "", init: "succeed" } })
          yield* until("the resolutions", () => Resolutions.fileOf(module) !== undefined)
        }),
        NodeProcesses.layer([Ledger, module])
      )
      assert.isAbove(fstatSync(Resolutions.fileOf(module)!).size, 10_000)
    }).pipe(Effect.scoped)
  )
})
