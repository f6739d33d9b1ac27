/**
 * Explores the models of `ring/` that are too large for the test suite: `npm run test:explore`. With part of a name any
 * model, with `--huge` those that take an hour and gigabytes.
 */
import { explore } from "../packages/core/src/testing/index.ts"
import { colossal, huge, large, quick } from "../packages/core/test/ring/judges.ts"
import { load } from "../packages/core/test/ring/models.ts"

const ring = await load(new URL("../packages/core/src/ring/", import.meta.url))
const part = process.argv[2]
const named = [...quick, ...large, ...huge, ...colossal].filter(({ name }) => name.includes(part))
const chosen = part === undefined ? huge : part === "--huge" ? colossal : named
for (const { name, options, program } of chosen) {
  const start = process.cpuUsage().user
  const { complete, deaths, failure, states, transitions } = explore(program(ring), { maxStates: 1e9, ...options })
  const seconds = ((process.cpuUsage().user - start) / 1e6).toFixed(1)
  console.log(`${name}: ${states} states, ${transitions} steps, ${deaths} deaths, ${seconds} s`)
  if (failure !== undefined) console.log(`  ${failure.message}\n  ${failure.schedule}`)
  else if (!complete) console.log("  not complete: too many states")
  if (!complete) process.exitCode = 1
}
