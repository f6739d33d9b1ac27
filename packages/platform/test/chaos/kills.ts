/**
 * Scenario 1 as a program of its own, so that nothing but it and its threads is in the process: a
 * random worker is terminated again and again while messages flow. Prints what came of it.
 */
import * as Supervision from "@shared-nothing/core/Supervision"
import * as WorkerPool from "@shared-nothing/core/WorkerPool"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Book } from "./Book.ts"
import { audit, type BookPool, dice, full, percentile, seed, Source, threads } from "./support.ts"

const seconds = full ? 60 : 5
const everyMillis = 250
const supervision = Supervision.restart(undefined, { intensity: { restarts: 1000, within: "10 seconds" } })

/** Sends some 50,000 a second for a time, so that a thread that starts finds a processor; messages a second. */
const flow = (pool: BookPool, source: Source, millis: number) =>
  Effect.gen(function* () {
    const from = source.sent
    const began = performance.now()
    while (performance.now() - began < millis) {
      yield* pool.sendAll(source.take(512))
      yield* Effect.sleep("10 millis")
    }
    yield* pool.drained
    return ((source.sent - from) / (performance.now() - began)) * 1000
  })

/** Milliseconds until a worker that was found dead has handled something again. */
const recovery = (pool: BookPool, worker: string) =>
  Effect.callback<number>((resume) => {
    const began = performance.now()
    const handled = () => Effect.runSync(pool.stats).find((stats) => stats.worker === worker)!.handled
    const before = handled()
    const timer = setInterval(() => {
      if (handled() === before) return
      clearInterval(timer)
      resume(Effect.succeed(performance.now() - began))
    }, 1)
  })

const scenario = (spares: number) =>
  Effect.gen(function* () {
    const roll = dice(seed)
    const pool = yield* WorkerPool.make(Book, {
      size: 4,
      initData: {},
      supervision: supervision.pipe(Supervision.and(Supervision.spares(spares)))
    })
    const source = new Source(64)
    const calm = yield* flow(pool, source, Math.min(2000, seconds * 100))
    const recoveries: Array<number> = []
    const killer = yield* Effect.forkChild(
      Effect.forever(
        Effect.gen(function* () {
          yield* Effect.sleep(everyMillis * (0.5 + roll()))
          const worker = yield* pool.worker(`Book/${Math.floor(roll() * 4)}`)
          if ((yield* worker.state) !== "Running") return
          yield* Effect.ignore(worker.kill)
          yield* Effect.forkChild(Effect.map(recovery(pool, worker.id), (millis) => recoveries.push(millis)))
        })
      )
    )
    const chaos = yield* flow(pool, source, seconds * 1000)
    yield* Fiber.interrupt(killer)
    const { handled, lost, repeated } = yield* audit(pool)
    const counts = yield* pool.supervised
    return {
      seed,
      spares,
      kills: counts.Failed,
      sent: source.sent,
      handled,
      lost,
      repeated,
      calm,
      chaos,
      p50: percentile(recoveries, 50),
      p99: percentile(recoveries, 99)
    }
  }).pipe(Effect.scoped, Effect.provide(threads))

/** What the program prints, as JSON. */
export type Result = Effect.Success<ReturnType<typeof scenario>>

console.log(JSON.stringify(await Effect.runPromise(scenario(Number(process.argv[2])))))
