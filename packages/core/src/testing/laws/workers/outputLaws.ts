/**
 * Laws of outputs: what handlers emit comes to whoever takes it, in order, and no faster than it is
 * taken. And of streaming answers, which end when nobody takes them.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Partitioner from "../../../partition/Partitioner.ts"
import * as WorkerPool from "../../../pool/WorkerPool.ts"
import * as Supervision from "../../../supervision/Supervision.ts"
import { must } from "../Subject.ts"
import { Chorus, Crier, type Cry, Herald, largeLength, many, type Word } from "./Criers.ts"
import { Probe } from "./Probe.ts"
import { eventually, failure, keys, law, type Subject } from "./Subject.ts"

const initData = { ticks: false }

const words = (key: string, count: number, start = 0, act?: Word["act"]): ReadonlyArray<Word> =>
  Array.from({ length: count }, (_, index) => ({
    key,
    sequence: start + index,
    ...(act === undefined ? {} : { act })
  }))

/** Throws unless there is each of `count` outputs of a key, once, in order. */
const mustBeAll = (cries: ReadonlyArray<Cry>, key: string, count: number): void => {
  const sequences = cries.filter((cry) => cry.key === key).map(({ sequence }) => sequence)
  const expected = Array.from({ length: count }, (_, index) => index)
  const at = expected.findIndex((sequence, index) => sequences[index] !== sequence)
  must(at < 0, `${key}: output ${at} came as ${sequences[at]}`)
  must(sequences.length === count, `${key}: ${sequences.length} outputs, ${count} were emitted`)
}

type Outputs = Pick<WorkerPool.WorkerPool<never, never, Cry>, "outputs">

const taken = ({ outputs }: Outputs, count: number) => Stream.runCollect(Stream.take(outputs, count))

const whole = (subject: Subject) =>
  Effect.gen(function* () {
    const names = keys(8)
    const count = subject.messages
    const mixed = (start: number) =>
      names.flatMap((key, index) => words(key, count / 2, start, index % 2 === 0 ? undefined : "yield"))
    for (const open of [
      WorkerPool.make(Crier, { size: 2, initData }),
      WorkerPool.make(Chorus, { size: 2 }),
      WorkerPool.make(Herald, { size: 2 })
    ]) {
      const pool: WorkerPool.WorkerPool<Word, never, Cry> = yield* open
      const sending = yield* Effect.forkChild(Effect.andThen(pool.sendAll(mixed(0)), pool.sendAll(mixed(count / 2))))
      const cries = yield* taken(pool, names.length * count)
      yield* Fiber.join(sending)
      for (const key of names) {
        const of = cries.filter((cry) => cry.key === key)
        // A batch emits as it likes; one message at a time, order is that of the key.
        if (pool.name !== "Herald") mustBeAll(of, key, count)
        else must(of.length === count, `${key}: ${of.length} outputs of ${count}`)
      }
    }
  })

const everywhere = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Crier, { size: 1, initData: { ticks: true } })
  must((yield* pool.ask("a", "Say", { text: "plain" })) === 5, "a request that emits has another answer")
  must((yield* pool.ask("a", "SayLater", { text: "later" })) === 5, "a request that emits has another answer")
  yield* pool.send({ key: "a", sequence: 0 })
  // The three ticks among them.
  const cries = yield* taken(pool, 6)
  must(cries.filter(({ key }) => key === "tick").length === 3, `of three ticks: ${cries.map(({ key }) => key).join()}`)
  mustBeAll(cries, "tick", 3)
  mustBeAll(cries, "said", 2)
  const rest = yield* Effect.forkChild(Stream.runCollect(pool.outputs))
  yield* pool.stopAll
  const last = yield* Fiber.join(rest)
  must(last.map(({ key }) => key).join() === "shutdown", `shutdown emitted ${last.map(({ key }) => key).join()}`)
})

const crowded = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Crier, { size: 1, capacity: 16, outputBytes: 1024, initData })
  const count = 500
  const late = yield* failure(pool.sendAll(words("a", count), { timeout: "300 millis" }), "Timeout")
  must(late.unsent.length > 0, "a worker whose outputs nobody takes goes on all the same")
  const worker = yield* pool.worker("Crier/0")
  // It waits, and hears all the same.
  yield* worker.ping
  yield* worker.pause
  must((yield* worker.state) === "Paused", "a worker that waits for its outputs to be taken is not paused")
  yield* worker.resume
  const sending = yield* Effect.forkChild(pool.sendAll(late.unsent as ReadonlyArray<Word>))
  mustBeAll(yield* taken(pool, count), "a", count)
  yield* Fiber.join(sending)
  yield* pool.drained
})

const plenty = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Crier, { size: 1, outputBytes: 1024, initData })
  yield* pool.sendAll([...words("a", 1, 0, "many"), ...words("a", 1, many), ...words("b", 3, 0, "large")])
  const cries = yield* taken(pool, many + 4)
  mustBeAll(cries, "a", many + 1)
  mustBeAll(cries, "b", 3)
  must(
    cries.every(({ key, text }) => text.length === (key === "b" ? largeLength : 0)),
    "an output that is larger than its ring is not whole"
  )
})

const withdrawn = Effect.gen(function* () {
  const supervision = Supervision.retry(Schedule.recurs(1))
  for (const open of [
    WorkerPool.make(Crier, { size: 1, supervision, initData }),
    WorkerPool.make(Chorus, { size: 1, supervision })
  ]) {
    const pool: WorkerPool.WorkerPool<Word, never, Cry> = yield* open
    yield* pool.sendAll([
      { key: "a", sequence: 0 },
      { key: "bad", sequence: 0, act: "fail" },
      { key: "worse", sequence: 0, act: "misfit" },
      { key: "a", sequence: 1 }
    ])
    const letters = yield* Stream.runCollect(Stream.take(pool.deadLetters, 2))
    const misfit = letters.find(({ key }) => key === "worse")
    must(String(misfit?.cause).includes("text"), `an output that does not fit is not named: ${String(misfit?.cause)}`)
    yield* pool.send({ key: "a", sequence: 2 })
    const cries = yield* taken(pool, 3)
    must(
      cries.every(({ key }) => key === "a"),
      "a message that failed has emitted something"
    )
    mustBeAll(cries, "a", 3)
  }
})

/** Nobody takes anything before the keys have moved. */
const movingUntaken = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Crier, { size: 1, partitioner: Partitioner.consistentHash(), initData })
  const names = keys(20)
  // More than is read of one worker at a time.
  for (let at = 0; at < 60; at += 20) {
    yield* pool.sendAll(names.flatMap((key) => words(key, 20, at)))
    yield* pool.drained
    if (at < 40) yield* pool.resize(pool.size + 1)
  }
  const cries = yield* taken(pool, names.length * 60)
  for (const key of names) mustBeAll(cries, key, 60)
})

const moving = (subject: Subject) =>
  Effect.gen(function* () {
    const pool = yield* WorkerPool.make(Crier, {
      size: 1,
      outputBytes: 4096,
      partitioner: Partitioner.consistentHash(),
      initData
    })
    const names = keys(20)
    const count = subject.messages
    const sending = yield* Effect.forkChild(
      Effect.gen(function* () {
        for (let at = 0; at < count; at += 10) yield* pool.sendAll(names.flatMap((key) => words(key, 10, at)))
      })
    )
    const taking = yield* Effect.forkChild(
      Stream.runCollect(
        Stream.take(
          Stream.filter(pool.outputs, ({ key }) => key !== "shutdown"),
          names.length * count
        )
      )
    )
    for (const size of [3, 1, 2]) yield* pool.resize(size)
    yield* pool.recycle(pool.workerIds[0])
    yield* Fiber.join(sending)
    const cries = yield* Fiber.join(taking)
    for (const key of names) mustBeAll(cries, key, count)
  })

const surviving = (subject: Subject) =>
  Effect.gen(function* () {
    const pool = yield* WorkerPool.make(Crier, { size: 1, outputBytes: 4096, initData })
    const worker = yield* pool.worker("Crier/0")
    const names = keys(4)
    const count = subject.messages
    const total = names.length * count
    yield* pool.sendAll(Array.from({ length: count }, (_, at) => names.flatMap((key) => words(key, 1, at))).flat())
    const seen = new Map<string, number>()
    let all = 0
    const taking = yield* Effect.forkChild(
      Stream.runForEach(
        Stream.takeUntil(pool.outputs, () => all >= total),
        ({ key, sequence }) =>
          Effect.sync(() => {
            const next = seen.get(key) ?? 0
            // It may come again, but nothing may be left out.
            must(sequence <= next, `${key}: output ${sequence} came where ${next} was due`)
            if (sequence < next) return
            seen.set(key, next + 1)
            all += 1
          })
      )
    )
    for (let round = 0; round < 3; round++) {
      const before = all
      yield* eventually(Effect.sync(() => all > before || all === total))
      yield* worker.kill
      yield* worker.start
    }
    yield* eventually(Effect.sync(() => all === total))
    yield* Fiber.interrupt(taking)
  })

const logged = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const lines: Array<string> = []
  const logger = Logger.make(({ message }) => {
    lines.push(Array.isArray(message) ? message.map(String).join(" ") : String(message))
  })
  yield* Effect.provide(effect, Logger.layer([logger]))
  return lines
})

const untaken = Effect.gen(function* () {
  const scope = yield* Scope.make()
  const pool = yield* Scope.provide(WorkerPool.make(Crier, { size: 1, outputBytes: 1024, initData }), scope)
  yield* pool.sendAll(words("a", 500))
  const lines = yield* logged(Scope.close(scope, Exit.void))
  must(
    lines.some((line) => line.includes("501 outputs")),
    `outputs that nobody took are not spoken of: ${lines.join(" | ")}`
  )
  must(!lines.some((line) => line.includes("killed")), `a pool whose outputs nobody takes: ${lines.join(" | ")}`)
})

const closing = Effect.gen(function* () {
  const scope = yield* Scope.make()
  const pool = yield* Scope.provide(WorkerPool.make(Crier, { size: 2, outputBytes: 1024, initData }), scope)
  const taking = yield* Effect.forkChild(Stream.runCollect(pool.outputs))
  yield* Effect.yieldNow
  for (const key of keys(4)) yield* pool.sendAll(words(key, 200))
  yield* Scope.close(scope, Exit.void)
  const cries = yield* Fiber.join(taking)
  for (const key of keys(4)) mustBeAll(cries, key, 200)
})

const panicking = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Crier, { size: 1, initData })
  yield* pool.sendAll([...words("a", 3), ...words("b", 1, 0, "fail")])
  const seen: Array<Cry> = []
  const taking = Stream.runForEach(pool.outputs, (cry) => Effect.sync(() => void seen.push(cry)))
  const panic = yield* failure(taking, "WorkerPanicked")
  must(panic.key === "b", `outputs end with ${panic.message}`)
  mustBeAll(seen, "a", 3)
})

const silent = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Probe, { size: 1, initData: { greeting: "" } })
  must((yield* Stream.runCollect(pool.outputs)).length === 0, "a contract without output has some")
})

const leaving = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Herald, { size: 1 })
  const some = yield* Stream.runCollect(Stream.take(pool.ask("a", "Count", { name: "taken" }), 25))
  must(some.length === 25 && some[24] === 24, `the first 25 came as ${some.join()}`)
  const told = (name: string) => eventually(Effect.map(pool.ask("b", "Told", undefined), (all) => all.includes(name)))
  yield* told("taken")
  const asking = yield* Effect.forkChild(Stream.runDrain(pool.ask("a", "Stuck", { name: "interrupted" })))
  // It comes behind in time, whichever is seen first: left before it began, or after.
  yield* pool.ask("b", "Sent", undefined)
  yield* Fiber.interrupt(asking)
  yield* failure(Stream.runDrain(pool.ask("a", "Stuck", { name: "late" }, { timeout: "50 millis" })), "Timeout")
  yield* told("late")
  // Each key is free again, and so is the worker.
  must((yield* Stream.runCollect(Stream.take(pool.ask("a", "Count", { name: "again" }), 1))).length === 1, "no answer")
  yield* told("again")
})

const unhurried = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Herald, { size: 1 })
  const step = yield* Stream.toPull(pool.ask("a", "Count", { name: "slow" }))
  const first = yield* step
  must(first[0] === 0, "an answer did not begin at its beginning")
  const sent = () => pool.ask("b", "Sent", undefined)
  let before = -1
  yield* eventually(
    Effect.map(sent(), (now) => {
      const stands = now === before
      before = now
      return stands
    })
  )
  must(before < 2000, `of an answer that nobody takes ${before} were sent`)
  let last = -1
  for (let parts = 1; parts < 500; parts++) last = (yield* step).at(-1)!
  must(last === 4999, `part 500 ended with ${last}`)
})

/**
 * @category laws
 * @since 0.1.0
 */
export const outputLaws = (subject: Subject) => [
  law(subject, "what is emitted comes, all of it, in the order of its key", whole(subject)),
  law(subject, "requests, ticks and shutdown emit, and outputs end when all are stopped", everywhere),
  law(subject, "a worker whose outputs nobody takes waits, and obeys", crowded),
  law(subject, "a message may emit more than there is room for, and more than a ring holds", plenty),
  law(subject, "a message that fails has emitted nothing", withdrawn),
  law(subject, "outputs keep the order of their key when it moves", moving(subject)),
  law(subject, "outputs that were not taken come before those of the key's next worker", movingUntaken),
  law(subject, "no output is lost with a worker that dies", surviving(subject)),
  law(subject, "outputs that nobody takes do not hold up the end, and are spoken of", untaken),
  law(subject, "a pool that closes lets its outputs be taken", closing),
  law(subject, "outputs fail when the last worker panicked", panicking),
  law(subject, "a contract without output has none", silent),
  law(subject, "a streaming answer that nobody takes is ended", leaving),
  law(subject, "a streaming answer runs no further than it is taken", unhurried)
]
