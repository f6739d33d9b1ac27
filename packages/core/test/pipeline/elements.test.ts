/**
 * Stages of plain functions against a loop over the elements, whatever these are, whatever the size of the
 * batches, and whatever is done about elements that fail, for ever or only the first few times.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import * as PipelineTest from "../../src/pipeline/PipelineTest.ts"
import * as Stage from "../../src/pipeline/Stage.ts"

/** `fails` counts down: how often the element fails before it does not. */
const Element = Schema.Struct({ n: Schema.Int, fails: Schema.mutableKey(Schema.Int) })
type Element = typeof Element.Type

const cases = fc.record({
  all: fc.array(fc.tuple(fc.nat(30), fc.nat(3)), { maxLength: 40 }),
  batchSize: fc.integer({ min: 1, max: 9 }),
  onError: fc.constantFrom("skip" as const, "deadLetter" as const, "fail" as const),
  retries: fc.nat(2)
})
type Case = typeof cases extends fc.Arbitrary<infer A> ? A : never

const tried = <A>(element: Element, then: () => A): A => {
  if (element.fails-- > 0) throw new RangeError(`${element.n} fails`)
  return then()
}

type Options = Pick<Case, "onError" | "retries">
const schemas = { in: Element, out: Schema.Int }

const stages = {
  map: {
    of: (options: Options) => Stage.map("stage", { ...schemas, ...options, run: (e) => tried(e, () => 2 * e.n) }),
    made: (n: number) => [2 * n]
  },
  filterMap: {
    of: (options: Options) =>
      Stage.filterMap("stage", {
        ...schemas,
        ...options,
        run: (e) => tried(e, () => (e.n % 3 === 0 ? undefined : e.n - 1))
      }),
    made: (n: number) => (n % 3 === 0 ? [] : [n - 1])
  },
  flatMap: {
    of: (options: Options) =>
      Stage.flatMap("stage", {
        ...schemas,
        ...options,
        // What it gave before it failed is taken back.
        *run(e) {
          for (let i = 0; i < e.n % 4; i++) yield e.n + i
          tried(e, () => {})
          yield -e.n
        }
      }),
    made: (n: number) => [...Array.from({ length: n % 4 }, (_, i) => n + i), -n]
  }
}

const Timed = Schema.Struct({ value: Schema.Int, time: Schema.Number })

const WithTime = Stage.process("with time", {
  in: Schema.Int,
  out: Timed,
  init: () => 0,
  handle: (_, value, { emit, time }) => emit({ value, time })
})

/** What comes out, with the times of the elements that it is made of; and what became of those that failed. */
const outcome = (stage: Stage.Stage<Element, number>, { all, batchSize }: Case) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const pipeline = Pipeline.fromStream(Element)(Stream.empty).pipe(
        Pipeline.via(stage),
        Pipeline.keyBy(() => 0),
        Pipeline.via(WithTime)
      )
      const test = yield* PipelineTest.make(pipeline, { batchSize })
      const elements = all.map(([n, fails], time) => [time, { n, fails }] as const)
      const fed = yield* Effect.result(test.feedAt(elements))
      if (fed._tag === "Failure") return { failed: fed.failure.detail }
      const stats = yield* test.stats
      const count = (of: "skipped" | "deadLetters") => stats.reduce((sum, one) => sum + one[of], 0)
      return { out: yield* test.output, skipped: count("skipped"), dead: count("deadLetters") }
    }).pipe(Effect.scoped)
  )

const expected = ({ all, onError, retries }: Case, made: (n: number) => ReadonlyArray<number>) => {
  const fails = ([, times]: readonly [number, number]) => times > retries
  const bad = all.filter(fails)
  if (onError === "fail" && bad.length > 0) return { failed: `RangeError: ${bad[0][0]} fails` }
  return {
    out: all.flatMap((one, time) => (fails(one) ? [] : made(one[0]).map((value) => ({ value, time })))),
    skipped: onError === "skip" ? bad.length : 0,
    dead: onError === "deadLetter" ? bad.length : 0
  }
}

describe("A stage of a plain function", () => {
  for (const [name, { made, of }] of Object.entries(stages)) {
    it(`${name} is a loop over the elements`, () =>
      fc.assert(
        fc.asyncProperty(cases, async (one) => {
          assert.deepStrictEqual(await outcome(of(one), one), expected(one, made))
        }),
        { numRuns: 200 }
      ))
  }

  it.effect("leaves out what is undefined, and nothing else", () =>
    Effect.gen(function* () {
      const odd = Stage.filterMap("odd", {
        in: Schema.Number,
        out: Schema.NullOr(Schema.Number),
        run: (n) => (n === 0 ? null : n === 1 ? 0 : n === 2 ? undefined : n === 3 ? NaN : n)
      })
      const out = yield* Stream.range(0, 4).pipe(Pipeline.via(odd), Stream.runCollect)
      assert.deepStrictEqual(out, [null, 0, NaN, 4])
    })
  )

  it.effect("looks at each element on its way, in order, and once", () =>
    Effect.gen(function* () {
      const seen: Array<number> = []
      const out = yield* Pipeline.fromStream(Schema.Number)(Stream.range(0, 9)).pipe(
        Pipeline.tap((n) => void seen.push(n)),
        Stream.runCollect
      )
      assert.deepStrictEqual(out, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
      assert.deepStrictEqual(seen, out)
    })
  )
})
