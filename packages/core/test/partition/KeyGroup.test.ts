import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as KeyGroup from "../../src/partition/KeyGroup.ts"
import * as KeyHash from "../../src/partition/KeyHash.ts"

describe("KeyGroup", () => {
  it.prop("is total: every hash has a group in range", { key: Schema.String }, ({ key }) => {
    for (let count = 1; count <= KeyGroup.maxCount; count *= 2) {
      const group = KeyGroup.of(KeyHash.string(key), count)
      assert.isTrue(Number.isInteger(group) && group >= 0 && group < count)
    }
  })

  it.prop("splits a group in two when the number doubles", { key: Schema.String }, ({ key }) => {
    const hash = KeyHash.string(key)
    const group = KeyGroup.of(hash, 4096)
    assert.include([group, group + 4096], KeyGroup.of(hash, 8192))
  })

  it("refuses a number of groups that is no power of two, or too small for the workers", () => {
    for (const count of [0, -1, 3, 4095, 1.5, Number.NaN, 131_072]) {
      const result = KeyGroup.validate(count, 1)
      assert(Result.isFailure(result))
      assert.strictEqual(result.failure.option, "groups")
      assert.deepStrictEqual(result.failure.value, count)
    }
    assert.isTrue(Result.isFailure(KeyGroup.validate(4, 5)))
    assert.isTrue(Result.isSuccess(KeyGroup.validate(4, 4)))
    assert.isTrue(Result.isSuccess(KeyGroup.validate(1, 1)))
  })
})
