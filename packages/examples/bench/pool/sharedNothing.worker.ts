/**
 * The worker of `sharedNothing.ts`.
 *
 * @since 0.1.0
 */
import * as NodeWorkerEntry from "@shared-nothing/platform/NodeWorkerEntry"
import * as Effect from "effect/Effect"
import { threadId } from "node:worker_threads"
import { Bench } from "./Contract.ts"
import { answerTo, burn, Tally } from "./Tally.ts"

Bench.toLayer({
  init: ({ steps }) => Effect.sync(() => ({ steps, tally: new Tally() })),
  handle: ({ steps, tally }, message) => {
    if (steps > 0) burn(message.id, steps)
    tally.take(message)
  },
  Ask: (_, message) => answerTo(message),
  Report: ({ tally }) => tally.report(),
  Thread: () => threadId
}).pipe(NodeWorkerEntry.launch)
