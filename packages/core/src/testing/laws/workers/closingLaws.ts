/**
 * Laws of the end: what a pool does with what it still has when its scope closes.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as WorkerPool from "../../../pool/WorkerPool.ts"
import { must } from "../Subject.ts"
import { Batcher, type Parcel, Probe } from "./Probe.ts"
import { eventually, failure, law, mustBeWhole, parcels, type Subject } from "./Subject.ts"

const initData = { greeting: "hello" }

/** Runs an effect and returns what it logged. */
const logged = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => {
    lines.push(`${logLevel} ${Array.isArray(message) ? message.map(String).join(" ") : String(message)}`)
  })
  yield* Effect.provide(effect, Logger.layer([logger]))
  return lines
})

const inScope = <A, E, R>(effect: (scope: Scope.Closeable) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(Scope.make(), effect)

const drains = (subject: Subject) =>
  Effect.gen(function* () {
    const witness = yield* WorkerPool.make(Probe, { size: 1, name: "witness", initData })
    const count = subject.messages * 10
    yield* Effect.scoped(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Batcher, {
          size: 2,
          capacity: count,
          initData: { journal: witness.handle }
        })
        for (const key of ["a", "b", "c", "d"]) yield* pool.sendAll(parcels(key, 0, count))
      })
    )
    const all = yield* witness.ask("journal", "Order", undefined)
    const ends = all.flatMap((note) => /^shutdown after (\d+)$/.exec(note)?.[1] ?? [])
    const handled = ends.reduce((sum, n) => sum + Number(n), 0)
    must(ends.length === 2 && handled === 4 * count, `of ${4 * count} messages ${ends.join(" + ")} were handled`)
  })

/** Larger than a frame may be: it travels beside its lane, and comes after its frame. */
const large = "large ".repeat(50_000)

const lastWords = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Probe, { size: 1, initData })
  const worker = yield* pool.worker("Probe/0")
  for (let round = 0; round < 4; round++) {
    yield* pool.sendAll(parcels("a", round, 3))
    yield* pool.send({ key: "b", from: round, sequence: 0, note: large })
    // An answer larger than the replies' ring, for whoever asked before the end.
    const asking = yield* Effect.forkChild(pool.ask("a", "Echo", { value: large }))
    yield* Effect.yieldNow
    yield* worker.stop
    const [{ depth }] = yield* pool.stats
    must(depth === 0, `a stop left ${depth} messages that were sent just before`)
    must((yield* Fiber.join(asking)) === large, "an answer was cut off")
    yield* worker.start
  }
})

const refuses = inScope((scope) =>
  Effect.gen(function* () {
    const pool = yield* Scope.provide(WorkerPool.make(Probe, { size: 1, capacity: 8, initData }), scope)
    const worker = yield* pool.worker("Probe/0")
    yield* worker.pause
    const sending = yield* Effect.forkChild(Effect.exit(pool.sendAll(parcels("a", 0, 5000))))
    const asking = yield* Effect.forkChild(Effect.exit(pool.ask("a", "Greeting", undefined)))
    yield* eventually(Effect.map(pool.stats, ([{ depth }]) => depth >= 8))
    yield* Scope.close(scope, Exit.void)
    const refused = yield* failure(Effect.flatten(Fiber.join(sending)), "WorkerNotRunning")
    const rest = refused.unsent as ReadonlyArray<Parcel>
    must(rest[0].sequence + rest.length === 5000, "accepted and given back do not add up")
    const [{ handled }] = yield* pool.stats
    must(handled >= rest[0].sequence, `${rest[0].sequence} messages were accepted, ${handled} were handled`)
    yield* Fiber.join(asking)
    const all = parcels("a", 0, 3)
    const later = yield* failure(pool.sendAll(all), "WorkerNotRunning")
    must(later.unsent.length === 3, "a closed pool gave nothing back")
    yield* failure(pool.ask("a", "Greeting", undefined), "WorkerNotRunning")
    yield* failure(pool.sendTo("Probe/0", all[0]), "WorkerNotRunning")
    yield* failure(pool.broadcast(all[0]), "WorkerNotRunning")
    yield* failure(pool.resize(2), "WorkerNotRunning")
    yield* failure(worker.start, "WorkerNotRunning")
  })
)

const settles = inScope((scope) =>
  Effect.gen(function* () {
    const pool = yield* Scope.provide(WorkerPool.make(Probe, { size: 1, shutdownTimeout: 200, initData }), scope)
    const never = yield* Effect.forkChild(Effect.exit(pool.ask("a", "Never", undefined)))
    yield* Effect.yieldNow
    const behind = yield* Effect.forkChild(Effect.exit(pool.ask("a", "Greeting", undefined)))
    yield* eventually(Effect.map(pool.stats, ([{ depth }]) => depth === 2))
    yield* pool.sendAll(parcels("a", 0, 3))
    const lines = yield* logged(Scope.close(scope, Exit.void))
    const warning = lines.find((line) => line.startsWith("Warn"))
    must(warning !== undefined && warning.includes("Probe/0"), `closing said: ${lines.join(" | ")}`)
    must(warning.includes("5 messages"), `closing did not say how many messages were left: ${warning}`)
    must(Exit.isFailure(yield* Fiber.join(never)), "a request that nobody answered succeeded")
    must(Exit.isFailure(yield* Fiber.join(behind)), "a request behind it succeeded")
  })
)

const spinning = inScope((scope) =>
  Effect.gen(function* () {
    const pool = yield* Scope.provide(WorkerPool.make(Probe, { size: 2, shutdownTimeout: 200, initData }), scope)
    yield* pool.sendTo("Probe/0", { key: "a", from: 0, sequence: 0, act: "spin" })
    const asking = yield* Effect.forkChild(Effect.exit(pool.askTo("Probe/0", "Greeting", undefined)))
    const lines = yield* logged(Scope.close(scope, Exit.void))
    must(
      lines.some((line) => line.startsWith("Warn") && line.includes("Probe/0") && line.includes("200 ms")),
      `closing said: ${lines.join(" | ")}`
    )
    must(!lines.some((line) => line.includes("Probe/1")), `a worker that ended well was named: ${lines.join(" | ")}`)
    must(Exit.isFailure(yield* Fiber.join(asking)), "a worker that spins answered")
  })
)

const killedAtWork = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Probe, { size: 2, initData })
  yield* pool.sendTo("Probe/0", { key: "a", from: 0, sequence: 0, act: "spin" })
  const asking = yield* Effect.forkChild(Effect.exit(pool.askTo("Probe/0", "Spin", undefined)))
  const worker = yield* pool.worker("Probe/0")
  yield* worker.kill
  must(Exit.isFailure(yield* Fiber.join(asking)), "a worker that spins answered")
  must((yield* pool.askTo("Probe/1", "Greeting", undefined)) === "hello", "a kill took another worker along")
})

const badShutdown = Effect.gen(function* () {
  const lines = yield* logged(
    Effect.scoped(
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Probe, { size: 1, initData: { greeting: "hello", shutdown: "throw" } })
        yield* pool.sendAll(parcels("a", 0, 3))
        mustBeWhole([yield* pool.ask("a", "Report", undefined)], "a", [0], 3)
      })
    )
  )
  must(
    lines.some((line) => line.includes("Probe/0") && line.includes("shutdown") && line.includes("thrown in shutdown")),
    `a shutdown that throws is not heard of: ${lines.join(" | ")}`
  )
})

const failedStarts = Effect.gen(function* () {
  for (const init of ["fail", "throw"] as const) {
    const panic = yield* failure(
      WorkerPool.make(Probe, { size: 2, initData: { greeting: "hello", init } }),
      "WorkerPanicked"
    )
    must(panic.phase === "init" && panic.worker.startsWith("Probe/"), `init that fails says: ${panic.message}`)
    must(panic.detail.includes("in init"), `init that fails says: ${panic.message}`)
  }
  const late = yield* failure(
    WorkerPool.make(Probe, { size: 1, startTimeout: 300, initData: { greeting: "hello", init: "never" } }),
    "Timeout"
  )
  must(late.message.includes("Probe/0") && late.millis === 300, `a start that is late says: ${late.message}`)
})

const twins = Effect.gen(function* () {
  const one = yield* WorkerPool.make(Probe, { size: 1, initData })
  const other = yield* WorkerPool.make(Probe, { size: 1, name: "other", initData: { greeting: "bye" } })
  yield* one.sendAll(parcels("a", 0, 3))
  yield* other.sendAll(parcels("a", 0, 5))
  must((yield* other.ask("a", "Greeting", undefined)) === "bye", "two pools of one contract share a worker")
  mustBeWhole(yield* one.askAll("Report", undefined), "a", [0], 3)
  mustBeWhole(yield* other.askAll("Report", undefined), "a", [0], 5)
  must(other.workerIds.join() === "other/0", `a pool's name is not in ${other.workerIds.join()}`)
})

/** Workers that are dead when the pool closes: what is in their mailboxes is spoken of. */
const leftBehind = inScope((scope) =>
  Effect.gen(function* () {
    const pool = yield* Scope.provide(WorkerPool.make(Probe, { size: 1, initData }), scope)
    const worker = yield* pool.worker("Probe/0")
    yield* worker.pause
    yield* pool.sendAll(parcels("a", 0, 7))
    yield* worker.kill
    const lines = yield* logged(Scope.close(scope, Exit.void))
    must(
      lines.some((line) => line.includes("Probe/0") && line.includes("7 messages")),
      `messages that nobody handled are not spoken of: ${lines.join(" | ")}`
    )
  })
)

/**
 * @category laws
 * @since 0.1.0
 */
export const closingLaws = (subject: Subject) => [
  ...(subject.isolation === "process"
    ? []
    : [law(subject, "closing the scope handles everything that was accepted", drains(subject))]),
  law(subject, "what was sent just before a stop is handled and answered, large or small", lastWords),
  law(subject, "a closing pool handles what it accepted and gives back the rest, and then refuses", refuses),
  law(subject, "a handler that does not end is killed in time and named, and every request is settled", settles),
  ...(subject.isolation === "fiber"
    ? []
    : [
        law(subject, "a handler that spins is killed in time and named", spinning),
        law(subject, "a worker that spins can be killed, and the others go on", killedAtWork)
      ]),
  law(subject, "a shutdown that throws is heard of", badShutdown),
  law(subject, "messages that a dead worker leaves behind are spoken of", leftBehind),
  law(subject, "a worker that does not start names itself and why", failedStarts),
  law(subject, "two pools of one contract share nothing", twins)
]
