/** Who keeps a pool from closing is said while it can still be waited for, and not only when it is killed. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as WorkerPool from "../../src/pool/WorkerPool.ts"
import * as Supervision from "../../src/supervision/Supervision.ts"
import * as FiberWorkers from "../../src/worker/FiberWorkers.ts"
import * as Worker from "../../src/worker/Worker.ts"

const Act = Schema.Struct({ key: Schema.String, hangs: Schema.Boolean })

class Doer extends Worker.Service<Doer>()("Doer", {
  message: Act,
  state: Schema.Void,
  requests: [Rpc.make("Ponder", { success: Schema.Void })],
  key: ({ key }) => key
}) {}

let shutdown: Effect.Effect<void> = Effect.void

const doer = Doer.toLayer({
  init: Effect.void,
  handle: (_, { hangs }) => (hangs ? Effect.never : Effect.void),
  Ponder: () => Effect.never,
  shutdown: () => shutdown,
  snapshot: () => undefined,
  restore: () => {},
  forget: () => {}
})

const backend = FiberWorkers.layer([Doer, doer])

const act = (key: string, hangs = false) => ({ key, hangs })
const make = (supervision?: Supervision.Supervision, shutdownTimeout = 5000) =>
  WorkerPool.make(Doer, { size: 1, shutdownTimeout, supervision })
type Pool = Effect.Success<ReturnType<typeof make>>

/** What a pool says at level Info while it closes. */
const saidAtClose = <E>(made: ReturnType<typeof make>, use: (pool: Pool) => Effect.Effect<unknown, E>) =>
  Effect.gen(function* () {
    const said: Array<string> = []
    const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
      if (logLevel === "Info") said.push(String(message))
    })
    const scope = yield* Scope.make()
    const pool = yield* Scope.provide(made, scope)
    yield* use(pool)
    const closing = yield* Effect.forkChild(Effect.provide(Scope.close(scope, Exit.void), Logger.layer([logger])))
    while (closing.pollUnsafe() === undefined) {
      yield* TestClock.adjust("100 millis")
      // Workers end when the event loop has its turn, and not when the clock says so.
      yield* Effect.promise(() => new Promise((resume) => setImmediate(resume)))
    }
    yield* Fiber.join(closing)
    return said
  }).pipe(Effect.provide(backend))

/** Waits until a worker has something in hand. */
const busy = (pool: Pool, depth: number) =>
  Effect.repeat(
    Effect.andThen(
      Effect.promise(() => new Promise((resume) => setImmediate(resume))),
      pool.stats
    ),
    { until: ([stats]) => stats.depth === depth }
  )

const after = (what: string, millis = 1000) =>
  `pool Doer is closing, and worker Doer/0 has not ended after ${millis} ms: ${what}; ` +
  `it is killed in ${5000 - millis} ms (shutdownTimeout)`

describe("a pool that closes", () => {
  it.effect("says which worker keeps it, with a message of which key, and how long it has", () =>
    Effect.gen(function* () {
      // What is handled before it is not saved while a handler goes on.
      for (const [supervision, left] of [[undefined, 2] as const, [Supervision.restart(), 3] as const]) {
        const said = yield* saidAtClose(make(supervision), (pool) =>
          Effect.andThen(pool.sendAll([act("a"), act("order 17", true), act("b")]), busy(pool, left))
        )
        assert.deepStrictEqual(said, [
          after(`it handles a message of key "order 17"; ${left} not acknowledged in its mailbox`)
        ])
      }
    })
  )

  it.effect("names a request by its tag", () =>
    Effect.gen(function* () {
      const said = yield* saidAtClose(make(), (pool) =>
        Effect.andThen(Effect.forkChild(Effect.ignore(pool.ask("a", "Ponder", undefined))), busy(pool, 1))
      )
      assert.deepStrictEqual(said, [after("it handles request Ponder; 1 not acknowledged in its mailbox")])
    })
  )

  it.effect("tells a shutdown that does not end", () =>
    Effect.gen(function* () {
      shutdown = Effect.never
      const said = yield* saidAtClose(make(), (pool) => pool.send(act("a")))
      shutdown = Effect.void
      assert.deepStrictEqual(said, [after("its mailbox is empty, and its shutdown not over")])
    })
  )

  it.effect("says nothing where nobody keeps it, or not for long", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* saidAtClose(make(), (pool) => pool.send(act("a"))), [])
      shutdown = Effect.sleep("900 millis")
      assert.deepStrictEqual(yield* saidAtClose(make(), (pool) => pool.send(act("a"))), [])
      shutdown = Effect.never
      assert.deepStrictEqual(yield* saidAtClose(make(undefined, 1000), (pool) => pool.send(act("a"))), [])
      shutdown = Effect.void
    })
  )
})
