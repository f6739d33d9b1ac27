/**
 * Laws of a worker's life: what runs when, what each command does, and what a command to a worker
 * that is not running says.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as WorkerPool from "../../../pool/WorkerPool.ts"
import { dice, must } from "../Subject.ts"
import { Batcher, Patient, Probe } from "./Probe.ts"
import { eventually, failure, keys, law, mustBeWhole, parcels, type Subject } from "./Subject.ts"

const initData = { greeting: "hello" }

const journal = Effect.gen(function* () {
  const witness = yield* WorkerPool.make(Probe, { size: 1, name: "witness", initData })
  yield* Effect.scoped(
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Batcher, { size: 1, initData: { journal: witness.handle } })
      yield* pool.sendAll(parcels("a", 0, 100))
      // Closing the scope drains, so nothing waits here.
    })
  )
  const all = yield* witness.ask("journal", "Order", undefined)
  must(all[0] === "init", `a life began with ${all[0]}`)
  const batches = all.slice(1, -2)
  const sizes = batches.map((note) => Number(/^batch of (\d+)$/.exec(note)?.[1]))
  must(sizes.reduce((sum, size) => sum + size, 0) === 100, `a life went so: ${all.join(", ")}`)
  must(
    all.at(-2) === "shutdown after 100" && all.at(-1) === "released",
    `a life ended with ${all.slice(-2).join(", ")}`
  )
})

const batches = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Batcher, { size: 1, initData: {} })
  for (const from of [0, 1, 2]) yield* pool.sendAll(parcels("a", from, 100))
  mustBeWhole([yield* pool.ask("a", "Report", undefined)], "a", [0, 1, 2], 100)
  const sizes = yield* pool.ask("a", "Batches", undefined)
  must(Math.max(...sizes) <= 16, `a batch of ${Math.max(...sizes)} messages, at most 16 were asked for`)
  must(Math.max(...sizes) > 1, "nothing was ever handled in a batch")
})

const lingering = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Patient, { size: 1, capacity: 8 })
  for (const sequence of [0, 1, 2]) yield* pool.send({ key: "a", from: 0, sequence })
  yield* pool.drained
  const sizes = yield* pool.ask("a", "Batches", undefined)
  must(sizes.join() === "3", `a batch that waits for more went as ${sizes.join()}`)
  // More than the mailbox holds: whatever waits, batches are acknowledged.
  yield* pool.sendAll(parcels("a", 0, 100, 3))
  mustBeWhole([yield* pool.ask("a", "Report", undefined)], "a", [0], 103)
})

const ticking = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Batcher, { size: 1, initData: {} })
  yield* eventually(Effect.map(pool.ask("a", "Ticks", undefined), (ticks) => ticks >= 3))
})

const holding = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Probe, { size: 1, initData })
  const worker = yield* pool.worker("Probe/0")
  must((yield* worker.state) === "Running", `a worker that was started is ${yield* worker.state}`)
  must(yield* pool.allRunning, "a pool that was started is not running")
  yield* worker.pause
  must((yield* worker.state) === "Paused", `a worker that was paused is ${yield* worker.state}`)
  must(!(yield* pool.allRunning), "a pool with a paused worker says that all run")
  yield* pool.sendAll(parcels("a", 0, 50))
  yield* worker.ping
  yield* worker.pause
  const [held] = yield* pool.stats
  must(held.handled === 0 && held.depth === 50, `while paused ${held.handled} were handled, ${held.depth} waited`)
  yield* worker.resume
  must((yield* worker.state) === "Running", `a worker that was resumed is ${yield* worker.state}`)
  yield* worker.resume
  mustBeWhole([yield* pool.ask("a", "Report", undefined)], "a", [0], 50)
  yield* worker.ping
})

const holdingBatches = (subject: Subject) =>
  Effect.gen(function* () {
    const pool = yield* WorkerPool.make(Batcher, { size: 1, capacity: 32, initData: {} })
    const worker = yield* pool.worker("Batcher/0")
    const count = subject.messages * 4
    const sending = yield* Effect.forkChild(pool.sendAll(parcels("a", 0, count)))
    let held = 0
    while (sending.pollUnsafe() === undefined) {
      yield* worker.pause
      const [before] = yield* pool.stats
      yield* worker.ping
      const [after] = yield* pool.stats
      must(before.handled === after.handled, `a paused worker went from ${before.handled} to ${after.handled}`)
      held += 1
      yield* worker.resume
      yield* Effect.sleep("1 millis")
    }
    must(held > 0, "it was never held: the law was not tested")
    yield* Fiber.join(sending)
    mustBeWhole([yield* pool.ask("a", "Report", undefined)], "a", [0], count)
  })

const commands = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Probe, { size: 1, initData })
  const worker = yield* pool.worker("Probe/0")
  const roll = dice(3)
  // Commands that cross each other: each comes to an end, and the last one counts.
  for (let round = 0; round < 30; round++) {
    const fibers = []
    for (let n = 0; n < 5; n++) {
      fibers.push(yield* Effect.forkChild([worker.pause, worker.resume, Effect.asVoid(worker.ping)][roll(3)]))
      if (roll(2) === 0) yield* Effect.yieldNow
    }
    yield* Fiber.joinAll(fibers)
    yield* worker.resume
    must((yield* worker.state) === "Running", "resume was not the last word")
  }
  // A stop is final: what comes later does not call it back.
  const stopping = yield* Effect.forkChild(worker.stop)
  yield* Effect.yieldNow
  yield* Effect.exit(worker.pause)
  yield* Effect.exit(worker.resume)
  yield* Fiber.join(stopping)
  must((yield* worker.state) === "Stopped", "pause or resume called a stop back")
})

const idle = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Probe, { size: 2, initData })
  const worker = yield* pool.worker("Probe/0")
  yield* failure(worker.start, "WorkerAlreadyRunning")
  yield* worker.stop
  must((yield* worker.state) === "Stopped", `a worker that was stopped is ${yield* worker.state}`)
  for (const command of [worker.stop, worker.pause, worker.resume, worker.kill, Effect.asVoid(worker.ping)]) {
    const refused = yield* failure(command, "WorkerNotRunning")
    must(refused.worker === "Probe/0" && refused.state === "Stopped", `a command was refused so: ${refused.message}`)
  }
  const sent = yield* failure(worker.sendAll(parcels("a", 0, 3)), "WorkerNotRunning")
  must(sent.unsent.length === 3, `a stopped worker gave back ${sent.unsent.length} messages of 3`)
  yield* failure(pool.askTo("Probe/0", "Greeting", undefined), "WorkerNotRunning")
  yield* failure(pool.askAll("Greeting", undefined), "WorkerNotRunning")
  const [both] = yield* Effect.all([Effect.exit(worker.start), Effect.exit(worker.start)], { concurrency: 2 }).pipe(
    Effect.map((exits) => [exits.filter(Exit.isSuccess).length])
  )
  must(both === 1, `of two starts at once ${both} succeeded`)
  must((yield* pool.askTo("Probe/0", "Greeting", undefined)) === "hello", "a worker that was started again is dumb")
  yield* pool.stopAll
  const states = (yield* pool.stats).map((stats) => stats.state)
  must(states.join() === "Stopped,Stopped", `after stopAll: ${states.join()}`)
  yield* pool.stopAll
})

const successors = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Probe, { size: 1, initData })
  const worker = yield* pool.worker("Probe/0")
  yield* worker.pause
  for (const key of keys(3)) yield* pool.sendAll(parcels(key, 0, 100))
  yield* worker.kill
  must((yield* worker.state) === "Stopped", `a worker that was killed is ${yield* worker.state}`)
  yield* worker.start
  const reports = yield* pool.askAll("Report", undefined)
  for (const key of keys(3)) mustBeWhole(reports, key, [0], 100)
  // Stopping finishes what waits.
  yield* worker.pause
  yield* pool.sendAll(parcels("key 0", 0, 100, 100))
  yield* worker.stop
  const [{ depth }] = yield* pool.stats
  must(depth === 0, `a worker that was stopped left ${depth} messages`)
})

const settledRequests = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Probe, { size: 1, initData })
  const worker = yield* pool.worker("Probe/0")
  yield* worker.pause
  const asking = yield* Effect.forkChild(Effect.exit(pool.ask("a", "Break", { how: "throw" })))
  yield* eventually(Effect.map(pool.stats, ([{ depth }]) => depth === 1))
  yield* worker.kill
  must(Exit.isFailure(yield* Fiber.join(asking)), "a request to a killed worker succeeded")
  yield* worker.start
  must((yield* pool.ask("a", "Greeting", undefined)) === "hello", "a request that has failed was put to the next life")
})

const panics = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Probe, { size: 1, initData })
  const worker = yield* pool.worker("Probe/0")
  yield* worker.pause
  yield* pool.sendAll([
    ...parcels("a", 0, 2),
    { key: "b", from: 0, sequence: 0, act: "panic" },
    ...parcels("a", 0, 1, 2)
  ])
  const asking = yield* Effect.forkChild(Effect.exit(pool.ask("a", "Greeting", undefined)))
  yield* Effect.yieldNow
  // It may be dead before it is seen to run.
  yield* Effect.ignore(worker.resume)
  const panic = yield* failure(Effect.flatten(Fiber.join(asking)), "WorkerPanicked")
  must(panic.phase === "handle" && panic.key === "b" && panic.worker === "Probe/0", `a panic says: ${panic.message}`)
  must(panic.detail === "RangeError: told to by b", `a panic says: ${panic.detail}`)
  const [{ depth, state }] = yield* pool.stats
  must(state === "Stopped" && depth >= 2, `after a panic the worker is ${state} and ${depth} messages wait`)
  yield* failure(pool.drained, "WorkerNotRunning")
})

/**
 * @category laws
 * @since 0.1.0
 */
export const lifecycleLaws = (subject: Subject) => [
  ...(subject.isolation === "process"
    ? []
    : [law(subject, "a life goes init, batches, shutdown, and its resources go last", journal)]),
  law(subject, "batches are as large as they may be, and requests come after what was sent before", batches),
  law(subject, "a batch waits for more as long as it may, and not longer", lingering),
  law(subject, "ticks without messages", ticking),
  law(subject, "a pause holds everything but signs of life", holding),
  law(subject, "a pause holds between batches, whatever waits", holdingBatches(subject)),
  law(subject, "commands that cross each other all end, and a stop is final", commands),
  law(subject, "a worker that does not run says so, and gives back", idle),
  law(subject, "a killed worker's messages are its successor's, a stopped one leaves none", successors),
  law(subject, "a request that failed with its worker is not put to the next", settledRequests),
  law(subject, "a panic names worker, place and key, and what waited waits on", panics)
]
