import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { TimerHeap } from "../../src/pipeline/operators/TimerHeap.ts"

const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ time: fc.integer({ min: 0, max: 12 }), key: fc.integer({ min: 0, max: 4 }) }) },
    { weight: 1, arbitrary: fc.constantFrom("take" as const, "restart" as const) }
  ),
  { maxLength: 80 }
)

describe("Timers", () => {
  it("come by their time, each time and key once, also after a restart", () => {
    fc.assert(
      fc.property(steps, (all) => {
        let heap = new TimerHeap()
        const model: Array<readonly [time: number, key: number]> = []
        const take = () => {
          const time = Math.min(...model.map(([at]) => at))
          assert.strictEqual(heap.first, time)
          if (time === Infinity) return
          const key = heap.take()
          const at = model.findIndex((one) => one[0] === time && one[1] === key)
          assert.isAtLeast(at, 0)
          model.splice(at, 1)
        }
        for (const step of all) {
          if (step === "take") take()
          else if (step === "restart") {
            const next = new TimerHeap()
            next.restore(structuredClone(heap.snapshot()))
            heap = next
          } else {
            heap.add(step.time, step.key)
            if (!model.some(([time, key]) => time === step.time && key === step.key)) model.push([step.time, step.key])
          }
        }
        while (model.length > 0) take()
        assert.strictEqual(heap.first, Infinity)
      })
    )
  })
})
