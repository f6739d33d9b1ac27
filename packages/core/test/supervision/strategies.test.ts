import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import * as WorkerPool from "../../src/pool/WorkerPool.ts"
import * as Supervision from "../../src/supervision/Supervision.ts"
import * as Supervisor from "../../src/supervision/Supervisor.ts"
import * as FiberWorkers from "../../src/worker/FiberWorkers.ts"
import * as Worker from "../../src/worker/Worker.ts"
import { Forgetful, forgetful } from "./Ledger.ts"
import { soon } from "./support.ts"

const intensity = { restarts: 20, within: "10 seconds" } as const

class Fragile extends Worker.Service<Fragile>()("Fragile", {
  message: Schema.Struct({ key: Schema.String }),
  requests: [Rpc.make("Life", { success: Schema.Int })],
  key: ({ key }) => key
}) {}

/** Its lives are numbered; those of `broken` do not begin. */
const fragile = (broken: ReadonlySet<number>) => {
  let lives = 0
  return Fragile.toLayer({
    init: Effect.suspend(() => (broken.has(++lives) ? Effect.fail("not this one") : Effect.succeed(lives))),
    handle: () => {
      throw new Error("told to")
    },
    Life: (life) => life
  })
}

describe("a strategy", () => {
  for (const strategy of ["oneForAll", "restForOne"] as const) {
    it.live(`begins all anew when one of them does not begin: ${strategy}`, () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Fragile, {
          size: 3,
          supervision: Supervision.restart(soon, { strategy, intensity }).pipe(Supervision.and(Supervision.poison(1)))
        })
        yield* pool.sendTo("Fragile/0", { key: "a" })
        yield* Effect.repeat(pool.supervised, { until: ({ Restarted }) => Restarted === 1, schedule: soon })
        // The fourth life was the first worker's, which was ended with the fifth that did not begin.
        const lives = yield* Effect.forEach(pool.workerIds, (id) => pool.askTo(id, "Life", undefined))
        assert.deepStrictEqual(lives, [6, 7, 8])
      }).pipe(Effect.scoped, Effect.provide(FiberWorkers.layer([Fragile, fragile(new Set([5]))])))
    )
  }

  it.live("leaves those alone that were stopped", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Forgetful, {
        size: 3,
        supervision: Supervision.restart(soon, { strategy: "oneForAll", intensity })
      })
      const stopped = yield* pool.worker("Forgetful/1")
      yield* stopped.stop
      const killed = yield* pool.worker("Forgetful/0")
      yield* killed.kill
      yield* Effect.repeat(pool.supervised, { until: ({ Restarted }) => Restarted === 1, schedule: soon })
      assert.strictEqual(yield* stopped.state, "Stopped")
      assert.strictEqual(yield* killed.state, "Running")
    }).pipe(Effect.scoped, Effect.provide(FiberWorkers.layer([Forgetful, forgetful])))
  )
})

describe("a supervisor of programs", () => {
  /** Counts how many of it run. */
  const counted = () => {
    const program = { running: 0, begun: 0 }
    const effect = Effect.suspend(() => {
      program.running += 1
      program.begun += 1
      return Effect.ensuring(
        Effect.never,
        Effect.sync(() => {
          program.running -= 1
        })
      )
    })
    return { program, effect }
  }

  it.live("ends a program before it begins anew with another", () =>
    Effect.gen(function* () {
      const { effect, program } = counted()
      let failures = 0
      yield* Supervisor.make(Supervision.restart(soon, { strategy: "oneForAll", intensity }), {
        failing: Effect.suspend(() => (failures++ < 3 ? Effect.fail("again") : Effect.never)),
        other: effect
      })
      yield* Effect.repeat(Effect.void, { until: () => program.begun === 4, schedule: soon })
      assert.strictEqual(program.running, 1)
    }).pipe(Effect.scoped)
  )

  it.live("begins a program anew only when all that its last life had is released", () =>
    Effect.gen(function* () {
      const lives: Array<string> = []
      let begun = 0
      const failed = yield* Deferred.make<void>()
      const releasing = Effect.suspend(() => {
        const life = ++begun
        const held = Effect.acquireRelease(
          Effect.sync(() => void lives.push(`begins ${life}`)),
          () =>
            Effect.gen(function* () {
              // The other one fails now, while this one has no life any more and is not over either.
              yield* Deferred.succeed(failed, undefined)
              yield* Effect.sleep("50 millis")
              lives.push(`is over ${life}`)
            })
        )
        return Effect.andThen(held, life === 1 ? Effect.fail("first") : Effect.never)
      })
      let others = 0
      const supervisor = yield* Supervisor.make(Supervision.restart(soon, { strategy: "oneForAll", intensity }), {
        releasing,
        other: Effect.suspend(() =>
          ++others === 1 ? Effect.andThen(Deferred.await(failed), Effect.fail("second")) : Effect.never
        )
      })
      yield* Effect.repeat(supervisor.counts, { until: ({ Restarted }) => Restarted > 0, schedule: soon })
      // Nothing follows.
      yield* Effect.sleep("100 millis")
      assert.deepStrictEqual(lives, ["begins 1", "is over 1", "begins 2"])
    }).pipe(Effect.scoped)
  )

  it.live("ends all when it gives up", () =>
    Effect.gen(function* () {
      const { effect, program } = counted()
      const supervisor = yield* Supervisor.make(
        Supervision.restart(soon, { intensity: { restarts: 1, within: "10 seconds" } }),
        { failing: Effect.fail("again"), other: effect }
      )
      yield* Effect.flip(supervisor.escalated)
      assert.strictEqual(program.running, 0)
    }).pipe(Effect.scoped)
  )

  it.live("restarts a program whose resources cannot be released", () =>
    Effect.gen(function* () {
      let runs = 0
      const supervisor = yield* Supervisor.make(
        Supervision.restart(soon, { intensity: { restarts: 3, within: "10 seconds" } }),
        {
          failing: Effect.suspend(() => {
            runs += 1
            return Effect.andThen(
              Effect.addFinalizer(() => Effect.die("stuck")),
              Effect.fail("again")
            )
          })
        }
      )
      yield* Effect.flip(supervisor.escalated)
      assert.strictEqual(runs, 4)
    }).pipe(Effect.scoped)
  )
})
