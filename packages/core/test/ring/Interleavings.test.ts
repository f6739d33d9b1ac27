import { once } from "node:events"
import { Worker } from "node:worker_threads"
import { afterAll, assert, describe, it } from "@effect/vitest"
import type { Report } from "../../src/testing/index.ts"
import { large, quick } from "./judges.ts"

const minutes = 60_000

describe("every interleaving, with a death at any step", () => {
  const worker = new Worker(new URL("./explorer.worker.ts", import.meta.url))
  afterAll(() => worker.terminate())

  for (const { name } of [...quick, ...large]) {
    it(`${name}`, { timeout: 5 * minutes }, async () => {
      worker.postMessage(name)
      const [{ mortal, report }]: Array<{ report: Report; mortal: boolean }> = await once(worker, "message")
      const { complete, deaths, ends, failure, states, transitions } = report
      console.log(`${name}: ${states} states, ${transitions} steps, ${deaths} deaths, ${ends} ends`)
      assert.isUndefined(failure, JSON.stringify(failure))
      assert.isTrue(complete)
      if (mortal) assert.isAbove(deaths, 0)
    })
  }
})
