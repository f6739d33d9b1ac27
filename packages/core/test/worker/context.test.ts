/**
 * What a handler logs and traces belongs to whoever caused it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import * as Tracer from "effect/Tracer"
import * as WorkerPool from "../../src/pool/WorkerPool.ts"
import * as FiberWorkers from "../../src/worker/FiberWorkers.ts"
import * as Worker from "../../src/worker/Worker.ts"

class Speaker extends Worker.Service<Speaker>()("Speaker", {
  message: Schema.Struct({ key: Schema.String }),
  requests: [Rpc.make("Say")],
  key: (message) => message.key
}) {}

const speaker = Speaker.toLayer({
  init: Effect.void,
  handle: (_, { key }) => Effect.withSpan(Effect.log(`handled ${key}`), "handling"),
  Say: () => Effect.withSpan(Effect.log("said"), "saying")
})

const record = () => {
  const lines: Array<{ readonly message: string; readonly annotations: Record<string, unknown> }> = []
  const spans: Array<Tracer.Span> = []
  const logger = Logger.make(({ fiber, message }) => {
    lines.push({
      message: String(Array.isArray(message) ? message[0] : message),
      annotations: { ...fiber.getRef(References.CurrentLogAnnotations) }
    })
  })
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return { lines, spans, logger: Logger.layer([logger]), tracer }
}

const parentOf = (span: Tracer.Span) => (span.parent._tag === "Some" ? span.parent.value : undefined)

describe("the context of a message", () => {
  it.live("a handler logs under its worker, its key and its sender's annotations", () =>
    Effect.gen(function* () {
      const { lines, logger, spans, tracer } = record()
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Speaker, { size: 1 })
        yield* Effect.annotateLogs(pool.send({ key: "a" }), "request", "r-1")
        yield* Effect.annotateLogs(pool.send({ key: "b" }), "request", "r-2")
        yield* Effect.withSpan(pool.send({ key: "c" }), "sending")
        yield* Effect.withSpan(pool.ask("d", "Say", undefined), "asking")
        yield* pool.drained
      }).pipe(
        Effect.scoped,
        // Not what the worker was started under: each message has its own.
        Effect.annotateLogs("request", "start"),
        Effect.withSpan("starting"),
        Effect.provide(Layer.provideMerge(FiberWorkers.layer([Speaker, speaker]), logger)),
        Effect.withTracer(tracer)
      )
      const annotations = (message: string) => lines.find((line) => line.message === message)?.annotations
      assert.deepStrictEqual(annotations("handled a"), { worker: "Speaker/0", key: "a", request: "r-1" })
      assert.deepStrictEqual(annotations("handled b"), { worker: "Speaker/0", key: "b", request: "r-2" })
      assert.deepStrictEqual(annotations("said"), { worker: "Speaker/0", request: "start" })

      const span = (name: string) => spans.find((candidate) => candidate.name === name)!
      const handlings = spans.filter(({ name }) => name === "handling")
      assert.strictEqual(parentOf(handlings[2])?.spanId, span("sending").spanId)
      assert.strictEqual(parentOf(span("saying"))?.spanId, span("asking").spanId)
      assert.strictEqual(parentOf(handlings[0])?.spanId, span("starting").spanId)
      assert.strictEqual(handlings[2].traceId, span("sending").traceId)
    })
  )
})
