/** Scenario 6: interruption, kills and scope close at random moments. What was accepted is accounted for. */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { assert, describe, it } from "vitest"
import type { Result } from "./closing.ts"
import { full, seed } from "./support.ts"

const run = promisify(execFile)
const program = fileURLToPath(new URL("./closing.ts", import.meta.url))
/** Each part is a process of its own, with a seed of its own. */
const parts = full ? 5 : 1
const rounds = full ? 400 : 20

describe("closing at random moments", () => {
  for (let part = 0; part < parts; part++) {
    it(
      `everything accepted is handled, returned or a dead letter, nothing is left behind, and the process ends: ${part}`,
      async () => {
        const env = { ...process.env, CHAOS_SEED: String(seed + part) }
        const { stdout } = await run(process.execPath, [program, String(rounds)], { env })
        const ended = Date.now()
        const result = JSON.parse(stdout.trim().split("\n").at(-1)!) as Result
        const { accepted, after, at, before, dead, handled, kills, slow, slowestMillis } = result
        console.log(
          `seed ${seed + part}: ${rounds} rounds, ${kills} kills, ${accepted} messages accepted, ${handled} handled, ` +
            `${dead} dead letters; slowest close ${slowestMillis.toFixed(0)} ms; ended ${ended - at} ms after its last word`
        )
        assert.strictEqual(handled + dead, accepted)
        assert.strictEqual(slow, 0, "pools that did not drain in time")
        assert.isAbove(kills, rounds / 4)
        assert.deepStrictEqual([...after].sort(), [...before].sort())
        assert.isBelow(ended - at, 2000)
      },
      full ? 900_000 : 60_000
    )
  }
})
