import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import { between } from "../../src/pipeline/Rates.ts"
import type { SubtaskStats } from "../../src/pipeline/runtime/SubtaskStats.ts"
import * as Source from "../../src/pipeline/Source.ts"
import * as Stage from "../../src/pipeline/Stage.ts"

const plain: SubtaskStats = {
  chain: 0,
  name: "one",
  index: 0,
  received: 0,
  sent: 0,
  depth: 0,
  skipped: 0,
  deadLetters: 0,
  watermark: -Infinity,
  busyMillis: 0,
  blockedMillis: 0,
  done: false
}

describe("Rates", () => {
  it("are the difference of two looks, over all subtasks of a chain", () => {
    const before = [
      { ...plain, received: 100, sent: 90 },
      { ...plain, index: 1, received: 100, sent: 100 },
      { ...plain, chain: 1, name: "two" }
    ]
    const after = [
      { ...plain, chain: 1, name: "two", received: 300, watermark: 4000, blockedMillis: 500, depth: 7 },
      { ...plain, received: 600, sent: 590, watermark: 5000, busyMillis: 1000 },
      { ...plain, index: 1, received: 200, sent: 100, watermark: 6000, busyMillis: 1000, skipped: 2 }
    ]
    const [one, two] = between(before, after, 2000)
    assert.deepInclude(one, {
      name: "one",
      subtasks: 2,
      receivedPerSecond: 300,
      sentPerSecond: 250,
      busy: 0.5,
      backpressure: 0,
      watermark: 5000,
      lag: 0,
      skipped: 2
    })
    assert.deepInclude(two, { receivedPerSecond: 150, depth: 7, backpressure: 0.25, watermark: 4000, lag: 1000 })
  })

  it("are never negative, and know no lag where there is no time", () => {
    const [one] = between([{ ...plain, received: 100 }], [{ ...plain, received: 50 }], 1000)
    assert.strictEqual(one.receivedPerSecond, 0)
    assert.strictEqual(one.lag, 0)
  })

  it.effect("come as a stream while a pipeline runs, and end with it", () =>
    Effect.gen(function* () {
      const Slow = Stage.mapEffect("slow", {
        in: Schema.Int,
        out: Schema.Int,
        run: (n) => Effect.delay(Effect.succeed(n), "10 millis")
      })
      const numbers = Source.generate("numbers", { out: Schema.Int, count: 1000, of: (i) => i })
      const { output, ratesEvery } = yield* Pipeline.run(numbers.pipe(Pipeline.via(Slow, { disjoint: true })))
      const looks = yield* Effect.forkChild(Stream.runCollect(ratesEvery("1 second")))
      const all = yield* Effect.forkChild(Stream.runCollect(output))
      for (let i = 0; i < 1200; i++) yield* TestClock.adjust("10 millis")
      assert.strictEqual((yield* Fiber.join(all)).length, 1000)
      yield* TestClock.adjust("1 second")
      const rates = yield* Fiber.join(looks)
      assert.isAbove(rates.length, 8)
      assert.deepStrictEqual(
        rates[0].map(({ name }) => name),
        ["numbers", "slow"]
      )
      const slow = rates.map(([, stage]) => stage)
      assert.isAbove(
        slow.reduce((sum, { receivedPerSecond }) => sum + receivedPerSecond, 0),
        400
      )
      assert.isTrue(slow.at(-1)!.done)
      assert.strictEqual(slow.at(-1)!.received, 1000)
      // The last look is at the whole run: 1000 elements, 10 ms each.
      assert.isAtLeast(slow.at(-1)!.receivedPerSecond, 90)
      assert.isAtMost(slow.at(-1)!.receivedPerSecond, 100)
    }).pipe(Effect.scoped)
  )
})
