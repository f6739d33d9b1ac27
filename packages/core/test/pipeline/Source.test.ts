import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type { Node } from "../../src/pipeline/Graph.ts"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import * as Plan from "../../src/pipeline/plan/Plan.ts"
import { BlocksInlet } from "../../src/pipeline/runtime/BlocksInlet.ts"
import { read, type SourcePosition, start } from "../../src/pipeline/runtime/sources.ts"
import * as Source from "../../src/pipeline/Source.ts"

const numbers = (options: { readonly count: number; readonly parallelism?: number; readonly perSecond?: number }) =>
  Source.generate("numbers", { out: Schema.Int, of: (i) => i, ...options })

/** The elements that a subtask makes until its end, and where it is after each block. */
const drain = ({ origin }: Node, share: number, from: SourcePosition) => {
  if (origin?._tag !== "Blocks") throw new Error("no source of blocks")
  const inlet = new BlocksInlet("numbers", origin.block, share, 3, from)
  const blocks: Array<{ readonly values: ReadonlyArray<unknown>; readonly position: SourcePosition }> = []
  for (let frame = inlet.next(); frame !== undefined; frame = inlet.next()) {
    if ("values" in frame) blocks.push({ values: frame.values, position: inlet.position })
  }
  return blocks
}

describe("Source.generate", () => {
  it.effect("gives the same elements at every parallelism", () =>
    Effect.gen(function* () {
      for (const parallelism of [1, 2, 5]) {
        const all = yield* Stream.runCollect(numbers({ count: 5000, parallelism }))
        assert.deepStrictEqual(
          [...all].sort((a, b) => a - b),
          Array.from({ length: 5000 }, (_, i) => i)
        )
      }
    })
  )

  it("goes on after what was taken", () => {
    const { node } = numbers({ count: 5000, parallelism: 3 })
    for (const share of [0, 1, 2]) {
      const all = drain(node, share, start)
      assert.isAbove(all.length, 2)
      for (const [at, { position }] of all.entries()) {
        assert.deepStrictEqual(drain(node, share, position), all.slice(at + 1))
      }
    }
  })

  it.effect("keeps its rate over all subtasks", () =>
    Effect.gen(function* () {
      const times: Array<number> = []
      const running = yield* numbers({ count: 400, parallelism: 2, perSecond: 100 }).pipe(
        Stream.runForEachArray((all) =>
          Effect.map(Clock.currentTimeMillis, (now) => {
            for (const _ of all) times.push(now)
          })
        ),
        Effect.forkChild
      )
      for (let i = 0; i < 500; i++) yield* TestClock.adjust("10 millis")
      yield* Fiber.join(running)
      assert.strictEqual(times.length, 400)
      for (const second of [1, 2, 3, 4]) {
        const count = times.filter((time) => time <= second * 1000).length
        assert.isAtMost(Math.abs(count - second * 100), 10, `after ${second} s`)
      }
    })
  )

  it.effect("keeps its rate through deaths, and repeats and loses nothing", () =>
    Effect.gen(function* () {
      const parallelism = 2
      const perSecond = 100
      for (const share of [0, 1]) {
        const plan = yield* Effect.fromResult(Plan.make(numbers({ count: 400, parallelism, perSecond }).node))
        const values: Array<unknown> = []
        let from = start
        let before: number | undefined
        // Each life takes so many batches, and dies while it has read more; the last one comes to the end.
        for (const batches of [3, 0, 1, 7, Infinity]) {
          const begun = yield* Clock.currentTimeMillis
          const first = values.length
          yield* Effect.gen(function* () {
            const pieces = yield* read(plan.chains[0], share, Context.empty(), from)
            for (let taken = 0; taken < batches;) {
              const piece = pieces.take()
              if (piece === undefined) {
                yield* TestClock.adjust("10 millis")
                continue
              }
              from = piece.position
              if (piece.frame._tag !== "Data0") return
              taken++
              values.push(...piece.frame.values)
              // Not before it is due since this life began, and not much after.
              const due = begun + ((values.length - first) * parallelism * 1000) / perSecond
              const now = yield* Clock.currentTimeMillis
              assert.isAtMost(Math.abs(now - due), 60, `${values.length} elements`)
              assert.isTrue(before === undefined || now > before)
              before = now
            }
            // What it has read ahead dies with it.
            yield* TestClock.adjust("200 millis")
          }).pipe(Effect.scoped)
        }
        const own = Array.from({ length: 400 }, (_, i) => i).filter((i) => Math.floor(i / 5) % parallelism === share)
        assert.deepStrictEqual(values, own)
      }
    })
  )

  it.effect("goes on in the middle of a block", () =>
    Effect.gen(function* () {
      const { origin } = numbers({ count: 43, parallelism: 2, perSecond: 100 }).node
      if (origin?._tag !== "Splits") throw new Error("no source of splits")
      for (const share of [0, 1]) {
        const own = Array.from({ length: 43 }, (_, i) => i).filter((i) => Math.floor(i / 5) % 2 === share)
        for (let taken = 0; taken <= own.length; taken++) {
          const rest = yield* Effect.forkChild(Stream.runCollect(origin.read(share, taken)))
          yield* TestClock.adjust("1 second")
          assert.deepStrictEqual(yield* Fiber.join(rest), own.slice(taken))
        }
      }
    }).pipe(Effect.provideContext(Context.empty() as Context.Context<unknown>))
  )

  it.effect("makes up for what slowed it down, and is never faster than that", () =>
    Effect.gen(function* () {
      const plan = yield* Effect.fromResult(Plan.make(numbers({ count: 200, perSecond: 100 }).node))
      const pieces = yield* read(plan.chains[0], 0, Context.empty())
      // Nobody takes anything for a second: as many batches wait as there is room for.
      for (let i = 0; i < 100; i++) yield* TestClock.adjust("10 millis")
      let count = 0
      const takeAll = Effect.gen(function* () {
        for (let quiet = 0; quiet < 20; quiet++) {
          yield* Effect.yieldNow
          for (let piece = pieces.take(); piece !== undefined; piece = pieces.take()) {
            if (piece.frame._tag === "Data0") count += piece.frame.values.length
            quiet = 0
          }
        }
      })
      yield* takeAll
      assert.isAtMost(Math.abs(count - 100), 5)
      for (let i = 0; i < 50; i++) {
        yield* TestClock.adjust("10 millis")
        yield* takeAll
      }
      assert.isAtMost(Math.abs(count - 150), 5)
    }).pipe(Effect.scoped)
  )

  it.effect("refuses a rate that is none", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(Pipeline.explain(numbers({ count: 1, perSecond: 0 })))
      assert.strictEqual(failure.message, "numbers.perSecond = 0 is not allowed: more than 0")
    })
  )
})
