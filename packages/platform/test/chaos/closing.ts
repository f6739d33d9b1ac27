/**
 * Scenario 6 as a program of its own, so that whatever is left behind when it is done keeps this process
 * from ending: pools with two workers that are killed, asked and closed at random moments. Prints what
 * came of it.
 */
import * as Supervision from "@shared-nothing/core/Supervision"
import * as WorkerPool from "@shared-nothing/core/WorkerPool"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { Book } from "./Book.ts"
import { dice, seed, threads } from "./support.ts"

const rounds = Number(process.argv[2])

const supervision = Supervision.restart(Schedule.spaced("1 millis"), {
  intensity: { restarts: 100, within: "10 seconds" },
  snapshots: { every: 64, within: "5 millis" }
}).pipe(Supervision.and(Supervision.deadLetters(1_000_000)))

const shutdownTimeout = 3000

interface Sum {
  accepted: number
  handled: number
  dead: number
  kills: number
  /** Rounds whose closing took as long as it may. */
  slow: number
  slowestMillis: number
}

const round = (roll: () => number, sum: Sum) =>
  Effect.gen(function* () {
    const keys = Array.from({ length: 8 }, () => 0)
    let accepted = 0
    let handled = 0
    let closingAt = 0
    const letters = yield* Effect.scoped(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Book, {
          size: 2,
          capacity: 256,
          initData: {},
          supervision,
          shutdownTimeout
        })
        const sender = yield* Effect.forkChild(
          Effect.forever(
            Effect.suspend(() => {
              const batch = Array.from({ length: 1 + Math.floor(roll() * 100) }, () => {
                const key = Math.floor(roll() * keys.length)
                return { key: `key-${key}`, id: keys[key]++ }
              })
              const count = (unsent: number) =>
                Effect.sync(() => {
                  accepted += batch.length - unsent
                })
              // Not interrupted half way: what an interrupted send accepted nobody can know.
              const sent = Effect.uninterruptible(
                Effect.matchEffect(pool.sendAll(batch), {
                  onFailure: (error) => count(error.unsent.length),
                  onSuccess: () => count(0)
                })
              )
              return Effect.andThen(sent, Effect.yieldNow)
            })
          )
        )
        const asker = yield* Effect.forkChild(Effect.forever(Effect.ignore(pool.ask("key-0", "Echo", { n: 1 }))))
        for (let i = Math.floor(roll() * 3); i > 0; i--) {
          yield* Effect.sleep(roll() * 30)
          yield* Effect.ignore(Effect.flatMap(pool.worker(`Book/${Math.floor(roll() * 2)}`), (worker) => worker.kill))
          sum.kills += 1
        }
        yield* Effect.sleep(roll() * 30)
        yield* Fiber.interrupt(asker)
        yield* Fiber.interrupt(sender)
        if (roll() < 0.5) yield* Effect.ignore(pool.drained)
        // The books are read before the end, by a request that is behind all that was sent.
        const books = yield* Effect.orDie(pool.askAll("Pages", undefined))
        handled = books.flat().reduce((total, page) => total + page.handled, 0)
        closingAt = performance.now()
        return pool.deadLetters
      })
    )
    const millis = performance.now() - closingAt
    const dead = (yield* Stream.runCollect(letters)).length
    sum.slowestMillis = Math.max(sum.slowestMillis, millis)
    if (millis >= shutdownTimeout) sum.slow += 1
    sum.accepted += accepted
    sum.handled += handled
    sum.dead += dead
    if (handled + dead !== accepted) {
      return yield* Effect.die(new Error(`accepted ${accepted}, handled ${handled}, dead letters ${dead}`))
    }
  })

const program = Effect.gen(function* () {
  const roll = dice(seed)
  const sum: Sum = { accepted: 0, handled: 0, dead: 0, kills: 0, slow: 0, slowestMillis: 0 }
  // What it prints through is opened by its first use, and stays.
  process.stdout.write("")
  process.stderr.write("")
  const before = process.getActiveResourcesInfo()
  for (let i = 0; i < rounds; i++) {
    yield* Effect.mapError(round(roll, sum), (error) => `round ${i}: ${String(error)}`)
    if (i % 100 === 99) console.error(`${i + 1} rounds, ${sum.kills} kills, ${sum.accepted} messages`)
  }
  return { seed, rounds, before, ...sum }
}).pipe(Effect.provide(threads))

const result = await Effect.runPromise(program)
// What the last pool's threads held is let go in the next turns of the event loop.
const patience = performance.now() + 2000
while (process.getActiveResourcesInfo().length > result.before.length && performance.now() < patience) {
  await new Promise((resolve) => setImmediate(resolve))
}

/** What the program prints, as JSON. */
export type Result = typeof result & { readonly after: ReadonlyArray<string>; readonly at: number }

console.log(JSON.stringify({ ...result, after: process.getActiveResourcesInfo(), at: Date.now() }))
