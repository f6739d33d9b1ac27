import * as Supervision from "@shared-nothing/core/Supervision"
import * as WorkerPool from "@shared-nothing/core/WorkerPool"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Fiber from "effect/Fiber"
import { Book } from "./Book.ts"
import { Source, threads, percentile } from "./support.ts"
const every = Number(process.argv[3] ?? 250)
await Effect.runPromise(Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Book, { size: 4, initData: {}, supervision: Supervision.restart(undefined, { intensity: { restarts: 1000, within: "10 seconds" } }).pipe(Supervision.and(Supervision.spares(Number(process.argv[2] ?? 1)))) })
  const restarted: number[] = []
  yield* Effect.forkChild(Stream.runForEach(pool.events, (e) => Effect.sync(() => { if (e._tag === "Restarted") restarted.push(e.millis); else if (e._tag !== "Failed" && e._tag !== "Restarting") console.log(e._tag) })))
  const source = new Source(64)
  const flow = yield* Effect.forkChild(Effect.forever(Effect.andThen(Effect.suspend(() => pool.sendAll(source.take(512))), Effect.sleep(10))))
  const kills: number[] = [], back: number[] = []
  for (let i = 0; i < 40; i++) {
    yield* Effect.sleep(every)
    const w = yield* pool.worker("Book/" + (i % 4))
    const before = (yield* pool.stats)[i % 4].handled
    const k = performance.now()
    yield* Effect.ignore(w.kill)
    const d = performance.now()
    kills.push(d - k)
    yield* Effect.forkChild(Effect.gen(function* () {
      while ((yield* pool.stats)[i % 4].handled === before) yield* Effect.sleep(1)
      back.push(performance.now() - d)
    }))
  }
  yield* Effect.sleep(1000)
  yield* Fiber.interrupt(flow)
  for (const [n, v] of Object.entries({ kills, restarted, back })) console.log(n, percentile(v, 50).toFixed(0), percentile(v, 99).toFixed(0), v.length)
}).pipe(Effect.scoped, Effect.provide(threads)))
