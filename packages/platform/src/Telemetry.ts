/**
 * What a worker logs and traces, brought back to its owner: a log line goes to the owner's loggers,
 * with its annotations, and a span is made again in the owner's tracer, under the span that the
 * message was sent in.
 *
 * A worker whose own Layer has a logger or a tracer keeps it.
 *
 * @since 0.1.0
 */
import { inspect } from "node:util"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"

/**
 * What is brought back. Times are nanoseconds since the epoch, as text.
 *
 * @category models
 * @since 0.1.0
 */
export type Telemetry =
  | {
      readonly _tag: "Log"
      readonly level: LogLevel.Severity
      readonly messages: ReadonlyArray<unknown>
      readonly annotations: Readonly<Record<string, unknown>>
      /** The cause, in words. */
      readonly cause?: string
    }
  | {
      readonly _tag: "SpanStart"
      readonly span: string
      readonly name: string
      readonly kind: Tracer.SpanKind
      readonly sampled: boolean
      readonly start: string
      readonly parent?: { readonly traceId: string; readonly spanId: string; readonly sampled: boolean }
    }
  | {
      readonly _tag: "SpanEnd"
      readonly span: string
      readonly end: string
      readonly attributes: ReadonlyArray<readonly [string, unknown]>
      readonly events: ReadonlyArray<readonly [name: string, time: string, attributes: Record<string, unknown>]>
      /** Why it failed, in words; absent if it succeeded. */
      readonly failure?: string
    }

/** What can be posted stays as it is; the rest goes as text. */
const postable = (value: unknown): unknown => {
  if (value === null || (typeof value !== "object" && typeof value !== "function" && typeof value !== "symbol")) {
    return value
  }
  if (value instanceof Error) return value.stack ?? String(value)
  try {
    return JSON.parse(JSON.stringify(value))
  } catch {
    return inspect(value)
  }
}

const postableRecord = (record: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, postable(value)]))

class ForwardedSpan extends Tracer.NativeSpan {
  private readonly send: (telemetry: Telemetry) => void

  constructor(options: ConstructorParameters<typeof Tracer.NativeSpan>[0], send: (telemetry: Telemetry) => void) {
    super(options)
    this.send = send
    const parent = Option.getOrUndefined(options.parent)
    send({
      _tag: "SpanStart",
      span: this.spanId,
      name: this.name,
      kind: this.kind,
      sampled: this.sampled,
      start: String(options.startTime),
      ...(parent === undefined
        ? {}
        : { parent: { traceId: parent.traceId, spanId: parent.spanId, sampled: parent.sampled } })
    })
  }

  override end(endTime: bigint, exit: Exit.Exit<unknown, unknown>): void {
    if (this.status._tag === "Ended") return
    super.end(endTime, exit)
    this.send({
      _tag: "SpanEnd",
      span: this.spanId,
      end: String(endTime),
      attributes: Array.from(this.attributes, ([key, value]) => [key, postable(value)] as const),
      events: this.events.map(([name, time, attributes]) => [name, String(time), postableRecord(attributes)] as const),
      ...(Exit.isFailure(exit) ? { failure: Cause.pretty(exit.cause) } : {})
    })
  }
}

/**
 * The worker's side: a logger, and a tracer if the owner has one to make spans in, that send.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (send: (telemetry: Telemetry) => void, traced: boolean): Layer.Layer<never> => {
  const logger = Logger.make<unknown, void>(({ cause, fiber, logLevel, message }) => {
    const messages = Array.isArray(message) ? message : [message]
    send({
      _tag: "Log",
      level: logLevel as LogLevel.Severity,
      messages: messages.map(postable),
      annotations: postableRecord(fiber.getRef(References.CurrentLogAnnotations) as Record<string, unknown>),
      ...(cause.reasons.length === 0 ? {} : { cause: Cause.pretty(cause) })
    })
  })
  const logs = Logger.layer([logger])
  if (!traced) return logs
  const tracer = Tracer.make({ span: (options) => new ForwardedSpan(options, send) })
  return Layer.merge(logs, Layer.succeed(Tracer.Tracer)(tracer))
}

/**
 * The owner's side: takes in what one worker sends. `traced` tells whether there is a tracer that
 * its spans should go to.
 *
 * @category constructors
 * @since 0.1.0
 */
export const receiver: Effect.Effect<{
  readonly traced: boolean
  readonly receive: (telemetry: Telemetry) => Effect.Effect<void>
}> = Effect.map(Tracer.Tracer, (tracer) => {
  const open = new Map<string, Tracer.Span>()
  const receive = (telemetry: Telemetry): Effect.Effect<void> => {
    switch (telemetry._tag) {
      case "Log": {
        const { annotations, cause, level, messages } = telemetry
        const log = Effect.logWithLevel(level)(...messages, ...(cause === undefined ? [] : [cause]))
        return Effect.annotateLogs(log, annotations)
      }
      case "SpanStart":
        return Effect.sync(() => {
          const { kind, name, parent, sampled, span, start } = telemetry
          // A parent in the worker itself was made again here before.
          const above = parent === undefined ? undefined : (open.get(parent.spanId) ?? Tracer.externalSpan(parent))
          open.set(
            span,
            tracer.span({
              name,
              parent: Option.fromUndefinedOr(above),
              annotations: Context.empty(),
              links: [],
              startTime: BigInt(start),
              kind,
              root: above === undefined,
              sampled
            })
          )
        })
      case "SpanEnd":
        return Effect.sync(() => {
          const span = open.get(telemetry.span)
          if (span === undefined) return
          open.delete(telemetry.span)
          for (const [key, value] of telemetry.attributes) span.attribute(key, value)
          for (const [name, time, attributes] of telemetry.events) span.event(name, BigInt(time), attributes)
          span.end(
            BigInt(telemetry.end),
            telemetry.failure === undefined ? Exit.void : Exit.die(new Error(telemetry.failure))
          )
        })
    }
  }
  return { traced: tracer !== Tracer.nativeTracer, receive }
})
