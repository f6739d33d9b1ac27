/**
 * How the thread that runs a pipeline sends what its own sources give.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { SenderHandle } from "../../channel/Handle.ts"
import * as SharedChannel from "../../channel/SharedChannel.ts"
import type { InvalidConfig } from "../../errors/Errors.ts"
import { detailOf, PipelineFailed } from "../PipelineFailed.ts"
import { type Edge, nameOf } from "../plan/Plan.ts"
import { schemaOfEdge } from "./channels.ts"
import type { Frame } from "./Frame.ts"
import type { Send } from "./runSubtask.ts"

/** Attaches one of the senders of an edge to this thread. */
export const sendTo = (edge: Edge, handle: SenderHandle<Frame>): Effect.Effect<Send, InvalidConfig, Scope.Scope> =>
  handle.slot < 0
    ? Effect.succeed(() => Effect.void)
    : Effect.map(
        SharedChannel.attachSender(schemaOfEdge(edge), handle),
        (sender): Send =>
          (frames) =>
            Effect.mapError(
              sender.sendAll(frames),
              (cause) =>
                new PipelineFailed({
                  worker: nameOf(edge.from),
                  phase: cause.reason === "Encode" ? "element" : "run",
                  detail: detailOf(cause),
                  cause
                })
            )
      )
