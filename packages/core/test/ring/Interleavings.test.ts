import { once } from "node:events"
import { Worker } from "node:worker_threads"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { Report } from "../../src/testing/index.ts"
import { large, quick } from "./judges.ts"

const minutes = 60_000

interface Outcome {
  readonly report: Report
  readonly mortal: boolean
  /** Of processor time. */
  readonly seconds: number
}

describe("every interleaving, with a death at any step", () => {
  const asked = [...quick, ...large].map(({ name }) => name)
  const outcomes = new Map<string, Promise<Outcome>>()
  const workers: Array<Worker> = []

  // Two at a time, the largest first.
  beforeAll(() => {
    const waiting = asked.toReversed().map((name) => {
      const { promise, reject, resolve } = Promise.withResolvers<Outcome>()
      outcomes.set(name, promise)
      promise.catch(() => {})
      return { name, reject, resolve }
    })
    const work = async (worker: Worker): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        worker.postMessage(next.name)
        await once(worker, "message").then(([outcome]: Array<Outcome>) => next.resolve(outcome), next.reject)
      }
    }
    for (let i = 0; i < 2; i++) workers.push(new Worker(new URL("./explorer.worker.ts", import.meta.url)))
    for (const worker of workers) void work(worker)
  })

  afterAll(() => Promise.all(workers.map((worker) => worker.terminate())))

  for (const name of asked.toReversed()) {
    it(`${name}`, { timeout: 5 * minutes }, async () => {
      const { mortal, report, seconds } = await outcomes.get(name)!
      const { complete, deaths, ends, failure, states, transitions } = report
      const size = `${states} states, ${transitions} steps, ${deaths} deaths, ${ends} ends`
      console.log(`${name}: ${size}, ${seconds.toFixed(1)} s`)
      assert.isUndefined(failure, JSON.stringify(failure))
      assert.isTrue(complete)
      if (mortal) assert.isAbove(deaths, 0)
    })
  }
})
