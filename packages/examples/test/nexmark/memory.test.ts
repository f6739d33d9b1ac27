/**
 * Memory stays flat while a windowed, keyed pipeline runs on threads: 30 seconds, or as many minutes
 * as `SOAK` says.
 */
import { assert, describe, it } from "@effect/vitest"
import * as NodePipelines from "@shared-nothing/platform/NodePipelines"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { setFlagsFromString } from "node:v8"
import { defaults } from "../../src/nexmark/Generator.ts"
import { q5 } from "../../src/nexmark/queries.ts"

// For the threads that start from here on: heaps that may grow fill up with garbage for minutes, and that looks like a leak.
setFlagsFromString("--max-old-space-size=96")

const seconds = process.env.SOAK === undefined ? 30 : Number(process.env.SOAK) * 60
const mebibyte = 2 ** 20

const highest = (samples: ReadonlyArray<number>): number => Math.max(...samples)

describe("A pipeline that runs for long", () => {
  it.live(
    "needs no more memory at its end than in its middle",
    () =>
      Effect.gen(function* () {
        const samples: Array<number> = []
        const sample = Effect.sync(() => {
          samples.push(process.memoryUsage.rss() / mebibyte)
        })
        yield* Effect.forkScoped(Effect.repeat(sample, Schedule.spaced("250 millis")))
        let windows = 0
        yield* q5({ ...defaults, events: Number.MAX_SAFE_INTEGER, workers: 2 }).pipe(
          Stream.interruptWhen(Effect.sleep(seconds * 1000)),
          Stream.runForEachArray((rows) =>
            Effect.sync(() => {
              windows += rows.length
            })
          )
        )
        assert.isAbove(windows, seconds)
        // The first third is for the heaps to find their sizes; collections of garbage come when they like.
        const third = Math.floor(samples.length / 3)
        const [middle, end] = [samples.slice(third, 2 * third), samples.slice(2 * third)].map(highest)
        assert.isAtMost(end, middle * 1.1 + 32, `${windows} windows, MiB: ${samples.map(Math.round).join(" ")}`)
      }).pipe(
        Effect.scoped,
        Effect.provide(NodePipelines.layerThreads(new URL("../../src/nexmark/queries.ts", import.meta.url)))
      ),
    (seconds + 60) * 1000
  )
})
