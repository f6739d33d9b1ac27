import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { InvalidConfig } from "../../src/errors/Errors.ts"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import * as Stage from "../../src/pipeline/Stage.ts"

let built = 0
const Args = Schema.Struct({ by: Schema.Int, steps: Schema.Array(Schema.Struct({ name: Schema.String })) })
const plus = Pipeline.define("plus", {
  in: Schema.Number,
  args: Args,
  build: (numbers, { by, steps }) => {
    built++
    const name = steps.map((step) => step.name).join()
    return numbers.pipe(
      Pipeline.via(Stage.map(name, { in: Schema.Number, out: Schema.Number, run: (n) => n + by })),
      Pipeline.split((n) => n > 2)
    )
  }
})

const refusal = (pipeline: Stream.Stream<unknown, unknown>) =>
  Effect.map(Effect.flip(Stream.runDrain(pipeline)), (error) => error as InvalidConfig)

describe("Pipeline.define", () => {
  it.effect("runs with arguments that fit", () =>
    Effect.gen(function* () {
      const sums = yield* Stream.runCollect(plus(Stream.make(1, 2), { by: 1, steps: [{ name: "add" }] }))
      assert.deepStrictEqual([...sums], [3])
    })
  )

  it.effect("fails the run where arguments do not fit, naming which, and builds nothing", () =>
    Effect.gen(function* () {
      const wrong: ReadonlyArray<readonly [args: unknown, option: string, value: unknown]> = [
        [{ by: "1", steps: [] }, "plus.args.by", "1"],
        [{ by: 1.5, steps: [] }, "plus.args.by", 1.5],
        [{ by: 1, steps: [{ name: "a" }, { name: 7 }] }, "plus.args.steps[1].name", 7],
        [{ by: 1 }, "plus.args.steps", undefined],
        [undefined, "plus.args", undefined],
        [null, "plus.args", null]
      ]
      const before = built
      for (const [args, option, value] of wrong) {
        const error = yield* refusal(plus(Stream.make(1), args as never))
        assert.strictEqual(error._tag, "InvalidConfig", String(error))
        assert.strictEqual(error.option, option)
        assert.deepStrictEqual(error.value, value)
        assert.match(error.allowed, /^expected \S/)
      }
      assert.strictEqual(built, before)
    })
  )

  it.effect("says so too where more comes after it", () =>
    Effect.gen(function* () {
      const made = plus(Stream.make(1), { by: "1" as never, steps: [] })
      assert.strictEqual((yield* refusal(made.pipe(Pipeline.side("rest")))).option, "plus.args.by")
      assert.strictEqual(
        (yield* refusal(made.pipe(Pipeline.keyBy(String), Pipeline.filter(Boolean)))).option,
        "plus.args.by"
      )
      assert.strictEqual((yield* Effect.flip(Pipeline.explain(made))).option, "plus.args.by")
    })
  )

  it.effect("does not throw where its module is loaded: a schema without bytes is told when it is run", () =>
    Effect.gen(function* () {
      const odd = Pipeline.define("odd", {
        in: Schema.Number,
        args: Schema.declare((input): input is symbol => typeof input === "symbol"),
        build: (numbers) => numbers
      })
      const error = yield* refusal(odd(Stream.make(1), Symbol("any")))
      assert.strictEqual(error._tag, "InvalidConfig", String(error))
      assert.strictEqual(error.option, "odd.args")
    })
  )
})
