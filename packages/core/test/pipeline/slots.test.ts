/** Which subtasks share a thread, and what goes from one to another there. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Join from "../../src/pipeline/Join.ts"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import type { Node } from "../../src/pipeline/Graph.ts"
import * as Plan from "../../src/pipeline/plan/Plan.ts"
import { localWithin, slotsOf } from "../../src/pipeline/plan/slots.ts"
import type { Frame } from "../../src/pipeline/runtime/Frame.ts"
import { LocalLink } from "../../src/pipeline/runtime/LocalLink.ts"
import { Outlet } from "../../src/pipeline/runtime/Outlet.ts"
import { SlotInlet } from "../../src/pipeline/runtime/SlotInlet.ts"
import * as Source from "../../src/pipeline/Source.ts"
import * as Stage from "../../src/pipeline/Stage.ts"

const stage = (name: string) =>
  Stage.process(name, { in: Schema.Number, out: Schema.Number, init: () => 0, handle: (_, n, { emit }) => emit(n) })
const keyed = Pipeline.keyBy((n: number) => n % 10)
const numbers = (parallelism: number) => Source.range(0, 100, { parallelism })

const planOf = ({ node }: { readonly node: Node }) => Effect.fromResult(Plan.make(node))
const namesOf = (plan: Plan.Plan) => slotsOf(plan).map((slot) => slot.map(Plan.nameOf))

describe("Slots", () => {
  it.effect("hold the chains of one parallelism that are tied to each other", () =>
    Effect.gen(function* () {
      const two = numbers(2).pipe(keyed, Pipeline.via(stage("a")), keyed, Pipeline.via(stage("b")))
      const plan = yield* planOf(two.pipe(keyed, Pipeline.via(stage("c"), { parallelism: 3 })))
      assert.deepStrictEqual(namesOf(plan), [["range", "a", "b"], ["c"]])
      const isLocal = localWithin(slotsOf(plan))
      const [[toA], [toB], [toC]] = plan.chains.map(({ outputs }) => outputs)
      assert.isTrue(isLocal(toA, 1, 1) && isLocal(toB, 0, 0))
      assert.isFalse(isLocal(toA, 1, 0) || isLocal(toC, 0, 0) || isLocal(plan.result, 0, 0))
    })
  )

  it.effect("leave out chains that want to be disjoint, and streams that are read where they are", () =>
    Effect.gen(function* () {
      const apart = numbers(2).pipe(
        keyed,
        Pipeline.via(stage("a"), { disjoint: true }),
        keyed,
        Pipeline.via(stage("b"))
      )
      assert.deepStrictEqual(namesOf(yield* planOf(apart)), [["range"], ["a", "b"]])
      const given = Pipeline.fromStream(Schema.Number)(Stream.range(0, 9))
      assert.deepStrictEqual(namesOf(yield* planOf(given.pipe(keyed, Pipeline.via(stage("a"))))), [["stream"], ["a"]])
    })
  )

  it.effect("bring both sides of a union together", () =>
    Effect.gen(function* () {
      const both = Join.union(numbers(2).pipe(keyed, Pipeline.via(stage("right"))))(numbers(2))
      assert.deepStrictEqual(namesOf(yield* planOf(both)), [["range", "range", "right", "union"]])
    })
  )
})

const data = (...values: ReadonlyArray<number>): Frame => ({ _tag: "Data0", from: 0, times: values, values })

describe("What stays in a thread", () => {
  it.effect("goes in order, frame by frame, and no more than fit", () =>
    Effect.gen(function* () {
      const link = new LocalLink()
      const inlet = new SlotInlet(undefined, [link])
      const frames = Array.from({ length: 20 }, (_, i) => data(i))
      const seen: Array<Frame> = []
      assert.isFalse(link.write(frames))
      const held = link.length
      assert.strictEqual(frames.length, 20 - held)
      const waits = yield* Effect.forkChild(link.room)
      yield* Effect.yieldNow
      for (let frame = inlet.next(); frame !== undefined; frame = inlet.next()) seen.push(frame)
      assert.isUndefined(waits.pollUnsafe())
      inlet.ack()
      yield* Fiber.join(waits)
      while (!link.write(frames)) for (let i = 0; i < held; i++) seen.push(inlet.next()!)
      for (let frame = inlet.next(); frame !== undefined; frame = inlet.next()) seen.push(frame)
      assert.deepStrictEqual(
        seen,
        Array.from({ length: 20 }, (_, i) => data(i))
      )
    })
  )

  it.effect("wakes who waits for it once it is published, and gives each link its turn", () =>
    Effect.gen(function* () {
      const links = [new LocalLink(), new LocalLink()]
      const inlet = new SlotInlet(undefined, links)
      const waits = yield* Effect.forkChild(inlet.wait)
      yield* Effect.yieldNow
      links[0].write([data(1), data(2)])
      links[1].write([data(3)])
      assert.isUndefined(waits.pollUnsafe())
      links[0].publish()
      yield* Fiber.join(waits)
      assert.deepStrictEqual(
        [inlet.next(), inlet.next(), inlet.next(), inlet.next()],
        [data(1), data(3), data(2), undefined]
      )
    })
  )
})

describe("An outlet", () => {
  it.effect("gathers small batches into one frame, keeps their order, and hands on large ones as they are", () =>
    Effect.gen(function* () {
      const plan = yield* planOf(numbers(1))
      const outlet = new Outlet(plan.result, 0, 8)
      const large = [10, 11, 12, 13, 14]
      outlet.push(large, large)
      outlet.push([1, 2], [1, 2])
      outlet.push(large, large)
      outlet.push(large, large)
      outlet.watermark(20)
      outlet.flush()
      const [[first, ...rest]] = outlet.ready
      assert.strictEqual(first._tag === "Data0" && first.values, large)
      const values = rest.map((frame) => ("values" in frame ? frame.values : frame._tag))
      assert.deepStrictEqual(values, [[1, 2, ...large, 10], [11, 12, 13, 14], "Watermark"])
      assert.strictEqual(outlet.waiting, 4)
    })
  )
})
