/**
 * Explores the models it is asked for by name. A thread of its own, because a test runner that rewrites
 * imports makes the search three times slower.
 */
import { parentPort } from "node:worker_threads"
import { explore } from "../../src/testing/index.ts"
import { large, quick } from "./judges.ts"
import { load } from "./models.ts"

const ring = await load(new URL("../../src/ring/", import.meta.url))

parentPort!.on("message", (asked: string) => {
  const { options, program } = [...quick, ...large].find(({ name }) => name === asked)!
  const model = program(ring)
  const start = process.threadCpuUsage()
  const report = explore(model, options)
  const { system, user } = process.threadCpuUsage(start)
  const mortal = model.threads.some(({ mortal }) => mortal)
  parentPort!.postMessage({ report, mortal, seconds: (user + system) / 1e6 })
})
