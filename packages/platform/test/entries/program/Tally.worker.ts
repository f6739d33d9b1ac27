import * as NodeWorkerEntry from "@shared-nothing/platform/NodeWorkerEntry"
import * as Effect from "effect/Effect"
import { Tally } from "./Tally.ts"

Tally.toLayer({
  init: Effect.sync(() => new Map<string, number>()),
  handle: (counts, { body, word }) => {
    counts.set(word, (counts.get(word) ?? 0) + body.length)
  },
  Count: (counts, { word }) => counts.get(word) ?? 0,
  Echo: (_, { bytes }) => new Uint8Array(bytes)
}).pipe(NodeWorkerEntry.launch)
