/**
 * What a pipeline gives does not depend on how it is run: neither on parallelism, nor on the size of
 * batches, nor on the order in which frames of different senders arrive, nor on that of elements
 * within the bound, nor on subtasks that are replaced by successors of their snapshots. Each is compared with a
 * batch computation over the same events. A failure prints its seed, and the smallest case that fails.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import * as Aggregate from "../../src/pipeline/Aggregate.ts"
import * as Join from "../../src/pipeline/Join.ts"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import * as PipelineTest from "../../src/pipeline/PipelineTest.ts"
import * as Stage from "../../src/pipeline/Stage.ts"
import * as Window from "../../src/pipeline/Window.ts"
import { byKey, Event, timed } from "./events.ts"

const bound = 20

/** Events in an order that is out by at most `bound`. */
const events = fc
  .array(
    fc.record({
      key: fc.constantFrom("a", "b", "c", "d", "e"),
      at: fc.integer({ min: 0, max: 300 }),
      value: fc.integer({ min: 1, max: 9 }),
      delay: fc.integer({ min: 0, max: bound })
    }),
    // Long ones too, in which times meet.
    { maxLength: 80, size: "max" }
  )
  .map((all) =>
    all.toSorted((x, y) => x.at + x.delay - (y.at + y.delay)).map(({ at, key, value }): Event => ({ key, at, value }))
  )

const ways = fc.record({
  first: fc.integer({ min: 1, max: 3 }),
  second: fc.integer({ min: 1, max: 4 }),
  batchSize: fc.integer({ min: 1, max: 9 }),
  seed: fc.integer(),
  restarts: fc.integer({ min: 0, max: 3 })
})
type Way = typeof ways extends fc.Arbitrary<infer A> ? A : never

const Same = (name: string) => Stage.map(name, { in: Event, out: Event, run: (e) => e })

const sums = (window: Window.Window) =>
  Stage.window("sums", {
    in: Event,
    out: Schema.String,
    window,
    aggregate: Aggregate.sum((e: Event) => e.value),
    result: (key: string, total, { end, start }) => `${key} ${start}-${end}: ${total}`
  })

/** All that comes out, in order of the text. */
const outcome = <E>(
  pipeline: Pipeline.Pipeline<string, E>,
  { batchSize, restarts, seed }: Way,
  inputs: Readonly<Record<string, ReadonlyArray<Event>>>,
  /** How many times each input is fed in parts; after each of which subtasks may be replaced. */
  parts = restarts + 1
) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const test = yield* PipelineTest.make(pipeline, { batchSize, seed })
      for (const [source, all] of Object.entries(inputs)) {
        const size = Math.ceil(all.length / parts)
        for (let at = 0; at < all.length; at += size) {
          yield* test.feed(all.slice(at, at + size), source)
          if (restarts > 0) yield* test.restart
        }
      }
      // One source after the other, so that some have ended when others have not.
      for (const source of Object.keys(inputs)) {
        if (restarts > 0) yield* test.restart
        yield* test.end(source)
      }
      if (restarts > 0) yield* test.restart
      assert.isTrue(yield* test.ended)
      return [...(yield* test.output)].sort()
    }).pipe(Effect.scoped)
  )

const windowed = (window: Window.Window, { first, second }: Way) =>
  timed(bound).pipe(
    Pipeline.via(Same("first"), { parallelism: first }),
    byKey,
    Pipeline.via(sums(window), { parallelism: second })
  )

const holds = <A>(arbitrary: fc.Arbitrary<A>, predicate: (a: A) => Promise<void>) =>
  fc.assert(fc.asyncProperty(arbitrary, predicate), { numRuns: 60 })

/** Sums by key and window, of all windows that an event is in. */
const summed = (all: ReadonlyArray<Event>, windowsOf: (e: Event) => ReadonlyArray<readonly [number, number]>) => {
  const totals = new Map<string, number>()
  for (const e of all) {
    for (const [start, end] of windowsOf(e)) {
      const id = `${e.key} ${start}-${end}`
      totals.set(id, (totals.get(id) ?? 0) + e.value)
    }
  }
  return [...totals].map(([id, total]) => `${id}: ${total}`).sort()
}

const windowsOf = (at: number, size: number, every: number) => {
  const windows: Array<readonly [number, number]> = []
  for (let start = -size - every; start <= at; start++) {
    if (start % every === 0 && start > at - size) windows.push([start, start + size])
  }
  return windows
}

describe("The result does not depend on how a pipeline is run", () => {
  it("tumbling and hopping windows", () =>
    holds(fc.tuple(events, ways, fc.constantFrom([10, 10], [30, 10], [25, 10])), async ([all, way, [size, every]]) => {
      const expected = summed(all, ({ at }) => windowsOf(at, size, every))
      assert.deepStrictEqual(await outcome(windowed(Window.hopping(size, every), way), way, { events: all }), expected)
    }))

  it("windows that take late elements: the last result of each", () =>
    holds(fc.tuple(events, ways, fc.constantFrom([10, 10], [30, 10])), async ([all, way, [size, every]]) => {
      const windows = Window.hopping(size, every, { lateness: bound })
      const pipeline = timed().pipe(
        Pipeline.via(Same("first"), { parallelism: way.first }),
        byKey,
        Pipeline.via(sums(windows), { parallelism: way.second })
      )
      // Values are positive, so of all results of a window the largest came last.
      const last = new Map<string, number>()
      for (const text of await outcome(pipeline, way, { events: all })) {
        const [id, total] = text.split(": ")
        last.set(id, Math.max(last.get(id) ?? 0, Number(total)))
      }
      const expected = summed(all, ({ at }) => windowsOf(at, size, every))
      assert.deepStrictEqual([...last].map(([id, total]) => `${id}: ${total}`).sort(), expected)
    }))

  it("what is late, and the results without it, through restarts", () =>
    holds(
      fc.tuple(events, ways, fc.constantFrom(0, 7), fc.constantFrom("main", "late"), fc.boolean()),
      async ([all, way, lateness, output, sessions]) => {
        const windows = timed(3).pipe(
          Pipeline.via(Same("first")),
          byKey,
          Pipeline.via(sums(sessions ? Window.session(6, { lateness }) : Window.tumbling(10, { lateness })), {
            parallelism: way.second
          })
        )
        const late = Stage.map("late", { in: Event, out: Schema.String, run: (e) => JSON.stringify(e) })
        const pipeline = output === "main" ? windows : windows.pipe(Pipeline.side("late"), Pipeline.via(late))
        const inputs = { events: all }
        const calm = await outcome(pipeline, { ...way, restarts: 0 }, inputs, 4)
        assert.deepStrictEqual(await outcome(pipeline, { ...way, restarts: 3 }, inputs), calm)
      }
    ))

  it("windows of what windows give", () =>
    holds(fc.tuple(events, ways), async ([all, way]) => {
      const partial = Stage.window("partial", {
        in: Event,
        out: Event,
        window: Window.tumbling(10),
        aggregate: Aggregate.sum((e: Event) => e.value),
        result: (key: string, value, { end }) => ({ key: key < "c" ? "a" : "c", at: end - 1, value })
      })
      const pipeline = timed(bound).pipe(
        Pipeline.via(Same("first"), { parallelism: way.first }),
        byKey,
        Pipeline.via(partial, { parallelism: way.second }),
        byKey,
        Pipeline.via(sums(Window.hopping(20, 10)), { parallelism: way.first })
      )
      const named = all.map((e) => ({ ...e, key: e.key < "c" ? "a" : "c" }))
      const expected = summed(named, ({ at }) => windowsOf(at, 20, 10))
      assert.deepStrictEqual(await outcome(pipeline, way, { events: all }), expected)
    }))

  it("sessions", () =>
    holds(fc.tuple(events, ways), async ([all, way]) => {
      const gap = 15
      const sessions = new Map<string, Array<[number, number]>>()
      for (const { at, key } of all.toSorted((a, b) => a.at - b.at)) {
        const known = sessions.get(key) ?? []
        const last = known.at(-1)
        if (last !== undefined && at < last[1]) last[1] = at + gap
        else known.push([at, at + gap])
        sessions.set(key, known)
      }
      const expected = summed(all, ({ at, key }) =>
        sessions.get(key)!.filter(([start, end]) => start <= at && at < end)
      )
      assert.deepStrictEqual(await outcome(windowed(Window.session(gap), way), way, { events: all }), expected)
    }))

  it("sliding windows", () =>
    holds(fc.tuple(events, ways), async ([all, way]) => {
      const size = 25
      const expected = all
        .map((e) => {
          const total = all
            .filter((other) => other.key === e.key && other.at > e.at - size && other.at <= e.at)
            .reduce((sum, other) => sum + other.value, 0)
          return `${e.key} ${e.at - size + 1}-${e.at + 1}: ${total}`
        })
        .sort()
      assert.deepStrictEqual(await outcome(windowed(Window.sliding(size), way), way, { events: all }), expected)
    }))

  it("window joins and interval joins", () =>
    holds(fc.tuple(events, events, ways), async ([left, right, way]) => {
      const combine = (l: Event, r: Event) => `${l.key}: ${l.at},${l.value} ${r.at},${r.value}`
      const matched = (meet: (l: Event, r: Event) => boolean) =>
        left.flatMap((l) => right.filter((r) => r.key === l.key && meet(l, r)).map((r) => combine(l, r))).sort()
      const options = { out: Schema.String, parallelism: way.second, combine }
      const side = (name: string) =>
        timed(bound, name).pipe(Pipeline.via(Same(`${name} in`), { parallelism: way.first }), byKey)
      const inputs = { left, right }
      assert.deepStrictEqual(
        await outcome(side("left").pipe(Join.window("join", side("right"), { ...options, size: 20 })), way, inputs),
        matched((l, r) => Math.floor(l.at / 20) === Math.floor(r.at / 20))
      )
      assert.deepStrictEqual(
        await outcome(
          side("left").pipe(Join.interval("join", side("right"), { ...options, lower: -5, upper: 10 })),
          way,
          inputs
        ),
        matched((l, r) => l.at - 5 <= r.at && r.at <= l.at + 10)
      )
    }))

  it("the order of a key, from one keyed stage to the next", () =>
    holds(fc.tuple(events, ways), async ([all, way]) => {
      const numbered = all.map((e, index): Event => ({ ...e, at: index }))
      const order = Stage.process("order", {
        in: Event,
        out: Schema.String,
        init: () => -1,
        handle: (last, e, { emit }) => {
          if (e.at <= last) emit(`${e.key}: ${e.at} after ${last}`)
          return e.at
        }
      })
      const keep = Stage.process("keep", {
        in: Event,
        out: Event,
        init: () => 0,
        handle: (count, e, { emit }) => {
          emit(e)
          return count + 1
        }
      })
      const pipeline = timed().pipe(
        byKey,
        Pipeline.via(keep, { parallelism: way.first }),
        byKey,
        Pipeline.via(order, { parallelism: way.second })
      )
      assert.deepStrictEqual(await outcome(pipeline, way, { events: numbered }), [])
    }))
})
