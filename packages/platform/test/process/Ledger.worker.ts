import { readFileSync } from "node:fs"
import * as NodeWorkerEntry from "@shared-nothing/platform/NodeWorkerEntry"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Ledger } from "./Ledger.ts"

const exhaust = {
  array: () => {
    const grown: Array<unknown> = []
    for (;;) grown.push({ at: grown.length })
  },
  map: () => {
    const grown = new Map<string, string>()
    for (;;) grown.set(`key ${grown.size}`, "value ".repeat(10))
  },
  string: () => {
    const grown: Array<string> = []
    for (;;) grown.push(Buffer.alloc(100_000, "x").toString("latin1"))
  }
}

NodeWorkerEntry.launch(
  Ledger.toLayer({
    init: ({ failInit }) =>
      failInit ? Effect.fail(new Error("no ledger")) : Effect.succeed({ count: 0, inOrder: true, last: -1 }),
    handle: (state, { n }) => {
      state.inOrder &&= n > state.last
      state.last = n
      state.count += 1
    },
    Summary: (state) => ({ ...state }),
    Pid: () => process.pid,
    Size: (_, { bytes }) => bytes.length,
    Fill: (_, { size }) => new Uint8Array(size).fill(7),
    Count: (_, { to }) => Stream.range(1, to),
    Spin: () => {
      for (;;) {}
    },
    Throw: () => {
      throw new Error("thrown")
    },
    Crash: () => Effect.callback<void>(() => void setTimeout(() => { throw new RangeError("crashed") })),
    Exhaust: (_, { shape }) => exhaust[shape](),
    Placed: () => /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync("/proc/thread-self/status", "utf8"))![1]
  })
)
