/** Scenario 6: interruption, kills and scope close at random moments. What was accepted is accounted for. */
import { assert, describe, it } from "@effect/vitest"
import * as Supervision from "@shared-nothing/core/Supervision"
import * as WorkerPool from "@shared-nothing/core/WorkerPool"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { Book } from "./Book.ts"
import { dice, full, seed, threads } from "./support.ts"

const rounds = full ? 2000 : 20

const supervision = Supervision.restart(Schedule.spaced("1 millis"), {
  intensity: { restarts: 100, within: "10 seconds" },
  snapshots: { every: 64, within: "5 millis" }
}).pipe(Supervision.and(Supervision.deadLetters(1_000_000)))

const shutdownTimeout = 3000

const round = (roll: () => number) =>
  Effect.gen(function* () {
    const accepted = yield* Ref.make(0)
    const keys = Array.from({ length: 8 }, () => 0)
    let handled = 0
    let killed = 0
    const closing = { at: 0 }
    const { letters } = yield* Effect.scoped(
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
              // Not interrupted half way: what an interrupted send accepted nobody can know.
              const sent = Effect.uninterruptible(
                Effect.matchEffect(pool.sendAll(batch), {
                  onFailure: (error) => Ref.update(accepted, (n) => n + batch.length - error.unsent.length),
                  onSuccess: () => Ref.update(accepted, (n) => n + batch.length)
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
          killed += 1
        }
        yield* Effect.sleep(roll() * 30)
        yield* Fiber.interrupt(asker)
        yield* Fiber.interrupt(sender)
        // The books are read before the end; what is handled after that is not.
        if (roll() < 0.5) yield* Effect.ignore(pool.drained)
        const stats = Effect.map(pool.askAll("Pages", undefined), (books) => {
          handled = books.flat().reduce((sum, page) => sum + page.handled, 0)
        })
        yield* Effect.orDie(stats)
        closing.at = performance.now()
        return { letters: pool.deadLetters }
      })
    )
    const millis = performance.now() - closing.at
    const dead = (yield* Stream.runCollect(letters)).length
    assert.isBelow(millis, shutdownTimeout, "the pool did not drain in time")
    assert.strictEqual(handled + dead, yield* Ref.get(accepted), `handled ${handled}, dead ${dead}, kills ${killed}`)
    return killed
  })

const leftovers = (): ReadonlyArray<string> =>
  process.getActiveResourcesInfo().filter((kind) => kind === "MessagePort" || kind === "Worker" || kind === "Timeout")

describe("closing at random moments", () => {
  it.live(
    "everything accepted is handled, returned or a dead letter, and nothing is left behind",
    () =>
      Effect.gen(function* () {
        const roll = dice(seed)
        const before = leftovers()
        let kills = 0
        for (let i = 0; i < rounds; i++) {
          kills += yield* Effect.mapError(
            round(roll),
            (error) => new Error(`seed ${seed}, round ${i}: ${String(error)}`)
          )
        }
        console.log(`seed ${seed}: ${rounds} rounds, ${kills} kills`)
        assert.isAbove(kills, rounds / 4)
        const after = leftovers()
        for (const kind of ["MessagePort", "Worker"]) {
          assert.isAtMost(
            after.filter((left) => left === kind).length,
            before.filter((left) => left === kind).length,
            kind
          )
        }
      }).pipe(Effect.provide(threads)),
    { timeout: full ? 3_600_000 : 60_000 }
  )
})
