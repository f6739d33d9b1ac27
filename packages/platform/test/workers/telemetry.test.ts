import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import * as WorkerPool from "@shared-nothing/core/WorkerPool"
import * as NodeProcesses from "../../src/NodeProcesses.ts"
import * as NodeWorkers from "../../src/NodeWorkers.ts"
import { Scribe } from "./Scribe.ts"

const module = new URL("./Scribe.worker.ts", import.meta.url)

for (const [name, backend] of [
  ["threads", NodeWorkers.layerThreads([Scribe, module])],
  ["processes", NodeProcesses.layer([Scribe, module])]
] as const) {
  describe(`telemetry of ${name}`, () => {
    it.live("a handler's log line comes back with worker, key and the caller's annotations", () =>
      Effect.gen(function* () {
        const lines: Array<{ message: unknown; level: string; annotations: Record<string, unknown> }> = []
        const logger = Logger.make<unknown, void>(({ fiber, logLevel, message }) => {
          const annotations = fiber.getRef(References.CurrentLogAnnotations) as Record<string, unknown>
          lines.push({ message, level: logLevel, annotations })
        })
        const spans: Array<Tracer.NativeSpan> = []
        const tracer = Tracer.make({
          span: (options) => {
            const span = new Tracer.NativeSpan(options)
            spans.push(span)
            return span
          }
        })
        yield* Effect.gen(function* () {
          const pool = yield* WorkerPool.make(Scribe, { size: 1 })
          yield* pool
            .send({ key: "k1", text: "hello" })
            .pipe(Effect.annotateLogs({ tenant: "acme" }), Effect.withSpan("caller"))
          yield* pool.ask("k1", "Sync", undefined)
        }).pipe(
          Effect.scoped,
          Effect.provide(
            backend.pipe(
              Layer.provideMerge(Logger.layer([logger])),
              Layer.provideMerge(Layer.succeed(Tracer.Tracer)(tracer))
            )
          )
        )
        const line = lines.find(({ message }) => String(message).includes("writes hello"))
        assert.isDefined(line)
        assert.strictEqual(line!.level, "Warn")
        assert.strictEqual(line!.annotations.worker, "Scribe/0")
        assert.strictEqual(line!.annotations.key, "k1")
        assert.strictEqual(line!.annotations.tenant, "acme")
        const caller = spans.find((span) => span.name === "caller")!
        const written = spans.find((span) => span.name === "write")
        assert.isDefined(written)
        assert.strictEqual(written!.traceId, caller.traceId)
        assert.strictEqual(written!.attributes.get("length"), 5)
        assert.strictEqual(written!.status._tag, "Ended")
      })
    )
  })
}
