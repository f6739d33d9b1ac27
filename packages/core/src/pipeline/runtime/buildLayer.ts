/**
 * What the stages of a defined pipeline need, built where they run.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { detailOf, PipelineFailed } from "../PipelineFailed.ts"

/** Builds a layer that lives as long as `scope`. */
export const buildLayer = (
  layer: Layer.Layer<never, unknown>,
  scope: Scope.Scope
): Effect.Effect<Context.Context<never>, PipelineFailed> =>
  Effect.mapError(
    Layer.buildWithScope(layer, scope),
    (cause) => new PipelineFailed({ worker: "layer", phase: "start", detail: detailOf(cause), cause })
  )
