import { assert, describe, it } from "@effect/vitest"
import { afterEach, vi } from "vitest"
import { Refusals } from "../../src/ring/Refusals.ts"

describe("Refusals", () => {
  afterEach(() => void vi.useRealTimers())

  it("tells another thread who is there, and who takes nothing for how long", () => {
    vi.useFakeTimers()
    const owner = Refusals.make(3, 8)
    const sender = Refusals.open(owner.buffer)
    assert.deepStrictEqual(
      [0, 1, 2].map((place) => sender.isThere(place)),
      [false, false, false]
    )
    assert.isFalse(sender.any)
    owner.come(0)
    owner.come(1)
    owner.refuseWorker(1, 40.5)
    owner.refuseGroup(7, 100)
    // Nobody is there to refuse.
    owner.refuseWorker(2, 40)
    assert.deepStrictEqual(
      [0, 1, 2].map((place) => sender.isThere(place)),
      [true, true, false]
    )
    assert.deepStrictEqual(
      [0, 1, 2].map((place) => sender.ofWorker(place)),
      [0, 41, 0]
    )
    assert.deepStrictEqual([sender.ofGroup(6), sender.ofGroup(7)], [0, 100])
    vi.advanceTimersByTime(41)
    // The probe is due: until its owner says more, it is a matter of a moment.
    assert.deepStrictEqual([sender.ofWorker(1), sender.ofGroup(7)], [1, 59])
    // Whoever comes again is not new.
    owner.come(1)
    assert.strictEqual(sender.ofWorker(1), 1)
    owner.refuseWorker(1, 30)
    owner.refuseWorker(1, 0)
    assert.isTrue(sender.any)
    owner.refuseGroup(7, 0)
    assert.deepStrictEqual([sender.any, sender.ofWorker(1), sender.ofGroup(7)], [false, 0, 0])
    owner.refuseWorker(0, 10)
    owner.leave(0)
    assert.deepStrictEqual([sender.any, sender.isThere(0), sender.ofWorker(0)], [false, false, 0])
  })

  it("knows no time that stands for something else", () => {
    vi.useFakeTimers()
    for (const low of [0, -1]) {
      vi.setSystemTime(2 ** 32 * 400 + low - 5)
      const refusals = Refusals.make(1, 1)
      refusals.come(0)
      refusals.refuseWorker(0, 5)
      assert.isTrue(refusals.any && refusals.isThere(0))
      assert.isAtMost(refusals.ofWorker(0), 7)
      // Across the end of what a word can tell.
      vi.advanceTimersByTime(4)
      assert.isAtMost(refusals.ofWorker(0), 3)
    }
  })
})
