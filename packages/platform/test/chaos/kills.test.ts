/** Scenario 1: a random worker is terminated again and again while messages flow. */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { assert, describe, it } from "vitest"
import type { Result } from "./kills.ts"
import { full, seed } from "./support.ts"

const run = promisify(execFile)
const program = fileURLToPath(new URL("./kills.ts", import.meta.url))

const scenario = async (spares: number, limitMillis: number): Promise<void> => {
  const env = { ...process.env, CHAOS_SEED: String(seed) }
  const { stdout } = await run(process.execPath, [program, String(spares)], { env })
  const result = JSON.parse(stdout.trim().split("\n").at(-1)!) as Result
  const { calm, chaos, handled, kills, lost, p50, p99, repeated, sent } = result
  console.log(
    `seed ${seed}, spares ${spares}: ${kills} kills, ${sent} messages, calm ${Math.round(calm)}/s, ` +
      `chaos ${Math.round(chaos)}/s (${(chaos / calm).toFixed(2)}), recovery p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`
  )
  assert.deepStrictEqual({ handled, lost, repeated }, { handled: sent, lost: 0, repeated: 0 })
  assert.isAtLeast(kills, full ? 200 : 10)
  assert.isAtLeast(sent, full ? 1_000_000 : 50_000)
  assert.isAtMost(p99, limitMillis)
}

describe("a random worker of four is terminated again and again", () => {
  const timeout = (full ? 120 : 60) * 1000
  it("nothing is lost, repeated or out of order, and it is back soon", () => scenario(0, full ? 300 : 2000), timeout)
  it("with a spare it is back at once", () => scenario(1, full ? 30 : 2000), timeout)
})
