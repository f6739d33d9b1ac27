import * as NodeWorkerEntry from "@shared-nothing/platform/NodeWorkerEntry"
import * as Effect from "effect/Effect"
import { Freight } from "./Freight.ts"

Freight.toLayer({
  init: Effect.sync((): Array<string> => []),
  handle: (handled, message, emit) => {
    const { act, bytes, emits, key, until = 0 } = message
    switch (act) {
      case "empty":
        // As whoever transfers them does.
        structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] })
        throw new Error("the bytes went elsewhere")
      case "spoil":
        Object.assign(message, { key: 0 })
        throw new Error("the message is none any more")
      case "fail":
        throw new Error(`no room for ${bytes.length} bytes`)
      case "busy":
        while (Date.now() < until) {}
    }
    if (emits !== undefined) emit(new Uint8Array(emits))
    handled.push(key)
  },
  Handled: (handled) => handled,
  Fetch: (_, { length }) => new Uint8Array(length),
  Weigh: (_, { bytes }) => bytes.length
}).pipe(NodeWorkerEntry.launch)
