/** A pipeline gives the same wherever it runs: on fibers, on threads, on processes. */
import { assert, describe, it } from "@effect/vitest"
import * as Pipeline from "@shared-nothing/core/Pipeline"
import * as NodePipelines from "@shared-nothing/platform/NodePipelines"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { heavy, kinds, late, ofKind, ordered } from "./kinds.ts"

const module = new URL("./kinds.ts", import.meta.url)
const places = [
  { name: "fibers", layer: Layer.empty },
  { name: "threads", layer: NodePipelines.layerThreads(module) },
  { name: "processes", layer: NodePipelines.layerProcesses(module) }
]

const sorted = (kind: string, sources: number, parallelism: number) =>
  Effect.map(Stream.runCollect(ofKind(Stream.empty, { kind, sources, parallelism })), (all) => [...all].sort())

describe.each(kinds)("%s", (kind) => {
  it.live("are the same on fibers, threads and processes", () =>
    Effect.gen(function* () {
      const parallelism = kind === "effects behind a broadcast" ? 2 : 1
      const expected = yield* sorted(kind, 1, parallelism)
      assert.isAbove(expected.length, 50)
      for (const { layer, name } of places) {
        assert.deepStrictEqual(yield* Effect.provide(sorted(kind, ordered.has(kind) ? 1 : 2, 2), layer), expected, name)
      }
    })
  )
})

describe.each(places)("A pipeline on $name", ({ layer }) => {
  it.live("puts what is late beside", () =>
    Effect.gen(function* () {
      const event = (id: number, at: number) => ({ id, key: "a", at, cents: 1 })
      const closed = yield* Deferred.make<void>()
      const given = Stream.concat(
        Stream.make(event(0, 100), event(1, 5000)),
        // By then the first window has been closed for sure.
        Stream.fromEffect(Effect.as(Deferred.await(closed), event(2, 200)))
      )
      const seen: Array<string> = []
      yield* late(given).pipe(
        Stream.runForEach((one) => {
          seen.push(one)
          return Deferred.succeed(closed, undefined)
        }),
        Effect.provide(layer)
      )
      assert.deepStrictEqual(seen.sort(), ["a 0-1000: 1 1", "a 2 200", "a 5000-6000: 1 1"])
    })
  )

  it.live("takes no more from its source than fits on the way, while nobody takes its output", () =>
    Effect.gen(function* () {
      let given = 0
      const endless = Stream.rechunk(
        Stream.map(Stream.forever(Stream.make(0)), () => given++),
        64
      )
      const { output, stats } = yield* Pipeline.run(heavy(endless, { bytes: 20_000 }))
      // It has come to rest once nothing has moved between many looks.
      let still = 0
      for (let before = -1; still < 40;) {
        yield* Effect.sleep(10)
        assert.isAbove((yield* stats).length, 2)
        still = given === before ? still + 1 : 0
        before = given
      }
      assert.isAbove(given, 0)
      // A few lanes, each of 16 frames and 1 MiB at most, and twice where they are mirrored: 50 large elements a MiB,
      // and of the small ones that come to the first stage 512 a frame.
      assert.isBelow(given, 20_000)
      const taken = yield* Stream.runCollect(Stream.take(output, 1000))
      assert.strictEqual(new Set(taken.map(({ id }) => id)).size, 1000)
      for (const { id, text } of taken) assert.strictEqual(text, String(id).padEnd(20_000, "x"))
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.live("carries elements that are larger than a lane", () =>
    Effect.gen(function* () {
      const bytes = 3_000_000
      const all = yield* Stream.runCollect(heavy(Stream.range(0, 5), { bytes })).pipe(Effect.provide(layer))
      assert.deepStrictEqual(all.map(({ id, text }) => [id, text.length]).sort(), [
        [0, bytes],
        [1, bytes],
        [2, bytes],
        [3, bytes],
        [4, bytes],
        [5, bytes]
      ])
    })
  )
})
