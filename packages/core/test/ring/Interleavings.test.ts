import { assert, describe, it } from "@effect/vitest"
import { explore } from "../../src/testing/index.ts"
import { large, quick } from "./judges.ts"
import { load } from "./models.ts"

const minutes = 60_000

describe("every interleaving, with a death at any step", async () => {
  const ring = await load(new URL("../../src/ring/", import.meta.url))
  for (const { name, options, program } of [...quick, ...large]) {
    it(`${name}`, { timeout: 5 * minutes }, () => {
      const model = program(ring)
      const report = explore(model, options)
      const { deaths, ends, states, transitions } = report
      console.log(`${name}: ${states} states, ${transitions} steps, ${deaths} deaths, ${ends} ends`)
      assert.isUndefined(report.failure, JSON.stringify(report.failure))
      assert.isTrue(report.complete)
      if (model.threads.some(({ mortal }) => mortal === true)) assert.isAbove(deaths, 0)
    })
  }
})
