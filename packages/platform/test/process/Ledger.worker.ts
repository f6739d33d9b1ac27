import { appendFileSync, openSync, readFileSync } from "node:fs"
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
    init: ({ init, log }) => {
      if (init === "fail") return Effect.fail("no ledger")
      if (init === "hang") return Effect.never
      return Effect.sync(() => ({ count: 0, inOrder: true, last: -1, file: log === "" ? -1 : openSync(log, "a") }))
    },
    handle: (state, { n }) => {
      if (state.file >= 0) appendFileSync(state.file, `${n}\n`)
      state.inOrder &&= n > state.last
      state.last = n
      state.count += 1
    },
    Summary: ({ count, inOrder, last }) => ({ count, inOrder, last }),
    Pid: () => process.pid,
    Echo: (_, { bytes }) => bytes,
    Count: (_, { to }) => Stream.range(1, to),
    Spin: () => {
      for (;;) {}
    },
    Throw: () => {
      throw new Error("thrown")
    },
    Crash: () =>
      Effect.callback<void>(
        () =>
          void setTimeout(() => {
            throw new RangeError("crashed")
          })
      ),
    Exhaust: (_, { shape }) => exhaust[shape](),
    shutdown: ({ file }) => {
      if (file >= 0) appendFileSync(file, "shutdown\n")
    },
    Placed: () => /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync("/proc/thread-self/status", "utf8"))![1]
  })
)
