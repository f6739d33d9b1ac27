/**
 * How a worker ends so that another goes on where it was: its outputs and replies go first, and its
 * state, if that can leave; what it has the effects of is acknowledged last.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { WorkerPanicked } from "../errors/Errors.ts"
import type { Custody } from "./Custody.ts"
import type { Invoker } from "./Invoker.ts"
import type { Replier } from "./Replier.ts"
import type { Reporting } from "./Reporting.ts"
import type { Settling } from "./Settling.ts"

/**
 * Leaves what is in the mailbox to a successor.
 *
 * @category runners
 * @since 0.1.0
 */
export const leave = (
  invoker: Invoker,
  custody: Custody,
  settling: Settling,
  reporting: Reporting,
  replier: Replier
): Effect.Effect<void, WorkerPanicked> =>
  Effect.gen(function* () {
    yield* settling.finishReplies
    yield* settling.finish
    settling.release()
    if (invoker.implementation.contract.state !== undefined) {
      yield* Effect.try({
        try: () => reporting.save(custody),
        catch: (cause) => invoker.errorOf("snapshot", cause)
      })
    }
    yield* replier.finish
    custody.acknowledge()
  })
