import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Backoff } from "../../src/supervision/Backoff.ts"
import * as Supervision from "../../src/supervision/Supervision.ts"
import { panicked } from "../../src/worker/Panic.ts"

describe("the backoff of a restart, where none is given", () => {
  it.effect("begins at once, then waits 5 ms and doubles, up to 5 s, each spread by a fifth", () =>
    Effect.gen(function* () {
      const delays = yield* Effect.replicateEffect(new Backoff(Supervision.backoff).next(panicked("w", "run", "")), 20)
      assert.strictEqual(delays[0], 0)
      for (const [i, delay] of delays.slice(1).entries()) {
        const expected = Math.min(5000, 5 * 2 ** i)
        assert.isAtLeast(delay!, expected * 0.8)
        assert.isAtMost(delay!, expected * 1.2)
      }
    })
  )
})
