/** Messages that end their process within microseconds, in every way there is, are given up after exactly N ends. */
import { assert, describe, it } from "@effect/vitest"
import * as Supervision from "@shared-nothing/core/Supervision"
import * as WorkerPool from "@shared-nothing/core/WorkerPool"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { Book } from "../chaos/Book.ts"
import { audit, processes } from "../chaos/support.ts"

/** What each ending says of itself. */
const words = { abort: "SIGABRT", crash: "SIGSEGV", kill: "SIGKILL", exit: "exited with code 3" }
const acts = ["abort", "crash", "kill", "exit"] as const

const keys = 4
const perKey = 50

/** Each message of the first key that is told to end its process has others before it and behind it, at once. */
const messages = Array.from({ length: perKey }, (_, id) =>
  Array.from({ length: keys }, (_, k): typeof Book.message.Type => {
    const act = k === 0 && id % 10 === 7 ? acts[(id - 7) / 10] : undefined
    return act === undefined ? { key: `key-${k}`, id } : { key: `key-${k}`, id, act }
  })
).flat()

/** `written`: as where the process cannot map its page. */
for (const [page, execArgv] of [
  ["mapped", []],
  ["written", ["--no-experimental-ffi"]]
] as const) {
  describe(`a page that is ${page}`, () => {
    for (const deaths of page === "mapped" ? [1, 2, 3] : [1, 2]) {
      it.live(`what ends its process is given up after ${deaths} ends`, () =>
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make(Book, {
            size: 1,
            initData: {},
            worker: { execArgv: [...execArgv] },
            supervision: Supervision.restart(Schedule.spaced("1 millis"), {
              intensity: { restarts: 100, within: "10 seconds" }
            }).pipe(Supervision.and(Supervision.poison(deaths)), Supervision.and(Supervision.spares(1)))
          })
          yield* pool.sendAll(messages)
          const letters = yield* Stream.runCollect(Stream.take(pool.deadLetters, acts.length))
          assert.deepStrictEqual(
            letters.map(({ attempts, message }) => [message.act, message.id, attempts]),
            acts.map((act, i) => [act, 7 + 10 * i, deaths])
          )
          for (const { cause, message } of letters) {
            assert.include(Cause.pretty(cause), words[message.act as keyof typeof words])
          }
          // Each is a gap of one, and nothing else is.
          assert.deepStrictEqual(yield* audit(pool), {
            handled: messages.length - acts.length,
            lost: acts.length,
            repeated: 0,
            keys
          })
          assert.strictEqual((yield* pool.supervised).Failed, acts.length * deaths)
        }).pipe(Effect.scoped, Effect.provide(processes))
      )
    }
  })
}
