/**
 * What of a sender's Effect context goes with a message: its span and its log annotations, so that
 * what a handler logs and traces belongs to whoever caused it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"

interface Encoded {
  readonly traceId?: string
  readonly spanId?: string
  readonly sampled?: boolean
  readonly annotations?: Readonly<Record<string, unknown>>
}

/**
 * Encodes the context of a fiber; undefined if it has neither span nor annotations.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (fiber: Fiber.Fiber<unknown, unknown>): string | undefined => {
  const { span } = fiber.cache
  const annotations = fiber.getRef(References.CurrentLogAnnotations)
  let any = span !== undefined
  for (const _ in annotations) {
    any = true
    break
  }
  if (!any) return undefined
  const encoded: Encoded = {
    ...(span === undefined ? {} : { traceId: span.traceId, spanId: span.spanId, sampled: span.sampled }),
    annotations: annotations as Record<string, unknown>
  }
  try {
    return JSON.stringify(encoded)
  } catch {
    // Annotations that JSON cannot hold stay behind; the span goes.
    return JSON.stringify({ ...encoded, annotations: {} })
  }
}

/**
 * Runs an Effect in an encoded context.
 *
 * @category decoding
 * @since 0.1.0
 */
export const provide = <A, E, R>(effect: Effect.Effect<A, E, R>, context: string): Effect.Effect<A, E, R> => {
  const { annotations, sampled, spanId, traceId } = JSON.parse(context) as Encoded
  const annotated = annotations === undefined ? effect : Effect.annotateLogs(effect, annotations)
  if (spanId === undefined || traceId === undefined) return annotated
  const span = Tracer.externalSpan({ spanId, traceId, sampled: sampled ?? true, annotations: Context.empty() })
  return Effect.withParentSpan(annotated, span) as Effect.Effect<A, E, R>
}
