import * as WorkerPool from "@shared-nothing/core/WorkerPool"
import * as NodeProcesses from "@shared-nothing/platform/NodeProcesses"
import * as Effect from "effect/Effect"
import { Ledger } from "./Ledger.ts"
const t0 = performance.now()
const log = (...a: any[]) => console.log((performance.now() - t0).toFixed(0), ...a)
await Effect.runPromise(Effect.gen(function*() {
  const pool = yield* WorkerPool.make(Ledger, { size: 1, initData: { failInit: false } })
  log("up")
  log(yield* pool.ask("a", "Pid", undefined))
  const t = performance.now()
  for (let i = 0; i < 100; i++) yield* pool.sendAll(Array.from({ length: 1000 }, (_, k) => ({ key: "a", n: i * 1000 + k })))
  log(yield* pool.ask("a", "Summary", undefined), (performance.now() - t) * 10, "ns/msg")
  const r = performance.now()
  for (let i = 0; i < 200; i++) yield* pool.ask("a", "Pid", undefined)
  log("rtt us", (performance.now() - r) * 5)
  log(yield* pool.stats)
}).pipe(Effect.scoped, Effect.provide(NodeProcesses.layer([Ledger, new URL("./Ledger.worker.ts", import.meta.url)]))))
log("closed")
