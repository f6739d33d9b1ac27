/**
 * What runs a plan: one backend for each isolation, chosen by a Layer. Without one, pipelines run on
 * fibers of the thread that starts them.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { InvalidConfig } from "../../errors/Errors.ts"
import type { PipelineFailed } from "../PipelineFailed.ts"
import { launch } from "./fibers.ts"
import type { Launch, Running } from "./Running.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Backend {
  readonly isolation: "fiber" | "thread" | "process"
  readonly launch: (launch: Launch) => Effect.Effect<Running, InvalidConfig | PipelineFailed, Scope.Scope>
}

/**
 * @category services
 * @since 0.1.0
 */
export const Backend: Context.Reference<Backend> = Context.Reference<Backend>("shared-nothing/pipeline/Backend", {
  defaultValue: () => ({ isolation: "fiber", launch })
})
