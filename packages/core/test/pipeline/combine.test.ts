/** Aggregating in two steps, which gives what aggregating in one gives. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import * as Aggregate from "../../src/pipeline/Aggregate.ts"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import * as PipelineTest from "../../src/pipeline/PipelineTest.ts"
import * as Stage from "../../src/pipeline/Stage.ts"
import * as Window from "../../src/pipeline/Window.ts"
import { byKey, Event, event, source, timed } from "./events.ts"

const slice = 10
const mean = Aggregate.mean((e: Event) => e.value)
const Parts = Stage.Combined(Schema.String, Schema.Struct({ total: Schema.Number, count: Schema.Number }))

const combine = (options: Partial<Parameters<typeof settings>[0]> = {}) => Stage.combine("here", settings(options))
const settings = (options: {
  readonly every?: number
  readonly offset?: number
  readonly onError?: Pipeline.OnError
  readonly key?: (e: Event) => string
}) => ({ in: Event, out: Parts, key: (e: Event) => e.key, every: slice, aggregate: mean, ...options })

const result = (key: string, average: number, { end, start }: Window.WindowBounds) =>
  `${key} ${start}-${end}: ${average}`

const inOne = (window: Window.Window) =>
  Stage.window("one", { in: Event, out: Schema.String, window, aggregate: mean, result })

const inTwo = (window: Window.Window) =>
  Stage.window("two", { in: Parts, out: Schema.String, window, aggregate: Aggregate.combined(mean), result })

const events = fc.array(
  fc.record({ key: fc.constantFrom("a", "b", "c"), at: fc.nat(200), value: fc.integer({ min: 1, max: 9 }) }),
  { maxLength: 60 }
)

describe("Stage.combine", () => {
  it.effect("gives one part of each key and slice, once its slice has passed", () =>
    Effect.gen(function* () {
      const test = yield* PipelineTest.make(timed().pipe(Pipeline.via(combine())))
      yield* test.feed([event("a", 1, 2), event("b", 2, 3), event("a", 9, 4), event("a", 12, 5)])
      assert.deepStrictEqual(yield* test.output, [
        { key: "a", acc: { total: 6, count: 2 } },
        { key: "b", acc: { total: 3, count: 1 } }
      ])
      // Of a slice that went out: on its own.
      yield* test.feed([event("b", 3, 7)])
      assert.deepStrictEqual(yield* test.output, [{ key: "b", acc: { total: 7, count: 1 } }])
      yield* test.restart
      yield* test.end()
      assert.deepStrictEqual(yield* test.output, [{ key: "a", acc: { total: 5, count: 1 } }])
    }).pipe(Effect.scoped)
  )

  it("gives windows the same elements as without it, also of those that come too late", () =>
    fc.assert(
      fc.asyncProperty(
        events,
        fc.record({
          bound: fc.nat(40),
          lateness: fc.constantFrom(0, 15, 60),
          batchSize: fc.integer({ min: 1, max: 9 }),
          window: fc.constantFrom([10, 10], [30, 30], [40, 20]),
          restarts: fc.nat(3)
        }),
        async (all, { batchSize, bound, lateness, restarts, window: [size, every] }) => {
          const window = Window.hopping(size, every, { lateness })
          const run = (pipeline: Pipeline.Pipeline<unknown, Pipeline.PipelineError>) =>
            Effect.runPromise(
              Effect.gen(function* () {
                const test = yield* PipelineTest.make(pipeline, { batchSize })
                const share = Math.ceil(all.length / (restarts + 1))
                for (let at = 0; at < all.length; at += share) {
                  yield* test.feed(all.slice(at, at + share))
                  yield* test.restart
                }
                yield* test.end()
                return yield* test.output
              }).pipe(Effect.scoped)
            )
          const one = timed(bound).pipe(byKey, Pipeline.via(inOne(window)))
          const two = timed(bound).pipe(
            Pipeline.via(combine()),
            Pipeline.keyBy(({ key }) => key),
            Pipeline.via(inTwo(window))
          )
          // A window that takes late elements goes out once for each of them: the last result is the whole.
          const last = (results: ReadonlyArray<unknown>) =>
            new Map((results as ReadonlyArray<string>).map((text) => text.split(": ") as [string, string]))
          assert.deepStrictEqual(last(await run(two)), last(await run(one)))
          const [lateOne, lateTwo] = [
            await run(one.pipe(Pipeline.side("late"))),
            await run(two.pipe(Pipeline.side("late")))
          ]
          assert.strictEqual(lateTwo.length, lateOne.length)
        }
      ),
      { numRuns: 150 }
    ))

  it.effect("bounds what waits: more keys than that go out early, and nothing is lost", () =>
    Effect.gen(function* () {
      const many = 70_000
      const test = yield* PipelineTest.make(timed().pipe(Pipeline.via(combine())), { batchSize: 1000 })
      yield* test.feed(Array.from({ length: many }, (_, i) => event(`${i}`, 1)))
      const early = yield* test.output
      assert.isAbove(early.length, many / 2)
      assert.isBelow(early.length, many)
      yield* test.end()
      const keys = new Set([...early, ...(yield* test.output)].map(({ key }) => key))
      assert.strictEqual(keys.size, many)
    }).pipe(Effect.scoped)
  )

  it.effect("handles elements without a time or a key as it is told", () =>
    Effect.gen(function* () {
      const key = (e: Event): string => {
        if (e.value < 0) throw new RangeError("no key")
        return e.key
      }
      const dead = yield* PipelineTest.make(
        timed().pipe(Pipeline.via(combine({ onError: "deadLetter", key })), Pipeline.deadLetters)
      )
      yield* dead.feed([event("a", 1), event("b", 2, -1)])
      assert.deepStrictEqual(
        (yield* dead.output).map(({ detail, stage }) => [stage, detail]),
        [["here", "RangeError: no key"]]
      )
      const untimed = yield* PipelineTest.make(source().pipe(Pipeline.via(combine())))
      const failure = yield* Effect.flip(untimed.feed([event("a", 1)]))
      assert.match(failure.message, /^stage here failed in element .*the element has no event time/)
    }).pipe(Effect.scoped)
  )

  it.effect("refuses a slice that is none", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(Pipeline.explain(timed().pipe(Pipeline.via(combine({ every: 0 })))))
      assert.strictEqual(failure.message, "here.every = 0 is not allowed: longer than 0 and finite")
    })
  )
})
