import * as NodeWorkerEntry from "@shared-nothing/platform/NodeWorkerEntry"
import * as Effect from "effect/Effect"
import { Scribe } from "./Scribe.ts"

Scribe.toLayer({
  init: Effect.void,
  handle: (_, { text }) =>
    Effect.logWarning(`writes ${text}`).pipe(Effect.withSpan("write", { attributes: { length: text.length } })),
  Sync: () => undefined
}).pipe(NodeWorkerEntry.launch)
