import { assert, describe, it } from "@effect/vitest"
import * as NodePipelines from "@shared-nothing/platform/NodePipelines"
import * as PipelineView from "@shared-nothing/platform/PipelineView"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { orders, summaryOf } from "./mortal.ts"

const threads = NodePipelines.layerThreads(new URL("./mortal.ts", import.meta.url))

const stage = {
  chain: 0,
  name: "parse + check + a name that takes more room than there is",
  subtasks: 2,
  receivedPerSecond: 1_234_567,
  sentPerSecond: 950,
  received: 10_000_000,
  sent: 45_600,
  depth: 12,
  busy: 0.756,
  backpressure: 0.2,
  watermark: 0,
  lag: 2500,
  skipped: 0,
  deadLetters: 3,
  done: false
}

describe("PipelineView", () => {
  it("renders a table that fits", () => {
    assert.strictEqual(
      PipelineView.render([stage, { ...stage, name: "sink", done: true, deadLetters: 0, lag: 0 }], 90),
      [
        "stage                            ×  in/s  out/s    out  waiting  busy  backpressure    lag",
        "parse + check + a name that ta…  2  1.2M    950  45.6k       12  76 %          20 %  2.5 s",
        "sink                             2  1.2M    950  45.6k       12  76 %          20 %   0 ms",
        "parse + check + a name that takes more room than there is: 0 skipped, 3 dead letters"
      ].join("\n")
    )
    const narrow = PipelineView.render([stage], 50).split("\n")
    assert.deepStrictEqual(
      narrow.map(({ length }) => length),
      [50, 50, 50]
    )
    assert.match(narrow[1], /^parse \+… +2 +1.2M +950 .*…$/)
  })

  it.live("draws threads in place while they run, and lets the elements through", () =>
    Effect.gen(function* () {
      const drawn: Array<string> = []
      const screen = { isTTY: true, columns: 100, write: (text: string) => drawn.push(text) }
      const pipeline = orders(Stream.empty, { count: 300_000, parallelism: 1 })
      const all = yield* pipeline.pipe(
        PipelineView.watch({ screen, every: "20 millis" }),
        Stream.runCollect,
        Effect.provide(threads)
      )
      assert.deepStrictEqual(summaryOf(all), summaryOf(yield* Stream.runCollect(pipeline)))
      assert.isAbove(drawn.length, 3)
      assert.match(drawn[0], /^stage .*\norders \+ event time/)
      assert.isTrue(drawn.slice(1).every((text) => text.startsWith("\u001b[3F\u001b[J")))
      assert.match(drawn.join(""), /priced \+ nth \+ per minute +1 +[\d.]+[kM]/)
      // At last what all that came to.
      const [, last] = drawn.at(-1)!.split("\n")
      assert.match(last, /^orders \+ event time +1 +[\d.]+[kM] +[\d.]+[kM] +300k +0 /)
    })
  )

  it.live("stays on a small screen, in which it is drawn over", () =>
    Effect.gen(function* () {
      const drawn: Array<string> = []
      const screen = { isTTY: true, columns: 0, rows: 3, write: (text: string) => drawn.push(text) }
      yield* orders(Stream.empty, { count: 1000, parallelism: 1 }).pipe(
        PipelineView.watch({ screen, every: "10 millis" }),
        Stream.runDrain
      )
      const last = drawn.at(-1)!.trimEnd().split("\n")
      assert.strictEqual(last.length, 2)
      assert.match(last[1], /^… \d+ more$/)
    })
  )
})
