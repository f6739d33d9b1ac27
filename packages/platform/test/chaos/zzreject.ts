import * as Supervision from "@shared-nothing/core/Supervision"
import * as WorkerPool from "@shared-nothing/core/WorkerPool"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Schedule from "effect/Schedule"
import { Book } from "./Book.ts"
import { threads } from "./support.ts"
const restart = Supervision.restart(Schedule.spaced("1 millis"), { intensity: { restarts: 100, within: "10 seconds" } })
const acts = ["reject", "exit", "throw"] as const
for (let i = 0; i < Number(process.argv[2] ?? 60); i++) {
  const t0 = performance.now()
  const log: string[] = []
  await Effect.runPromise(Effect.gen(function* () {
    const pool = yield* WorkerPool.make(Book, { size: 2, initData: {}, supervision: restart, shutdownTimeout: 2000 })
    yield* Effect.forkChild(Stream.runForEach(pool.events, (e) => Effect.sync(() => log.push((performance.now() - t0).toFixed(0) + " " + e._tag + " " + ((e as any).error?.message ?? "")))))
    yield* pool.sendAll(Array.from({ length: 20 }, (_, id) => id === 10 ? { key: "a", id, act: acts[i % 3] } : { key: "a", id }))
    const r = yield* Effect.timeoutOption(Stream.runCollect(Stream.take(pool.deadLetters, 1)), "5 seconds")
    if (r._tag === "None") { console.log("HANG at", i, acts[i % 3], log, yield* pool.describe); const st = yield* pool.stats; console.log(JSON.stringify(st)) }
  }).pipe(Effect.scoped, Effect.provide(threads)) as any)
}
console.log("done")
process.exit(0)
