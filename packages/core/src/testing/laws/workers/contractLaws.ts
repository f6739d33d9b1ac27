/**
 * Laws of the contract: what is sent arrives as it was, what is asked is answered, and what does not
 * fit a schema is refused by name.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as WorkerPool from "../../../pool/WorkerPool.ts"
import * as Worker from "../../../worker/Worker.ts"
import { must } from "../Subject.ts"
import { Crier, Cry, Word } from "./Criers.ts"
import { type Parcel, Probe, Refused } from "./Probe.ts"
import { failure, keys, law, mustBeWhole, parcels, type Subject } from "./Subject.ts"

const initData = { greeting: "hello" }

const answers = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Probe, { size: 2, initData })
  for (const key of keys(5)) yield* pool.sendAll(parcels(key, 0, 20))
  yield* pool.send({ key: "key 0", from: 1, sequence: 0, note: "ü¢漢字" })
  const seen = yield* Effect.forEach(keys(5), (key) =>
    Effect.map(pool.ask(key, "Report", undefined), (entries) => entries.filter((entry) => entry.key === key))
  )
  keys(5).forEach((key, index) => mustBeWhole([seen[index]], key, [0], 20))
  const orders = yield* pool.askAll("Order", undefined)
  must(orders.flat().includes("ü¢漢字"), "what was sent came out otherwise")
  must((yield* pool.ask("any", "Greeting", undefined)) === "hello", "init had other data")
  const values = Array.from({ length: 200 }, (_, index) => `value ${index}`)
  const echoes = yield* Effect.forEach(values, (value) => pool.ask(value, "Echo", { value }), {
    concurrency: "unbounded"
  })
  must(echoes.join() === values.join(), "answers got to others than those who asked")
})

const declared = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Probe, { size: 1, initData })
  const error = yield* Effect.flip(pool.ask("a", "Echo", { value: "no" }))
  must(error instanceof Refused && error.why === "no is no answer", `the declared error came as ${String(error)}`)
  const streamed = yield* Effect.flip(Stream.runDrain(pool.ask("a", "Numbers", { count: -1 })))
  must(streamed instanceof Refused, `the declared error of a stream came as ${String(streamed)}`)
  must((yield* pool.ask("a", "Echo", { value: "yes" })) === "yes", "the worker did not go on")
})

const streams = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Probe, { size: 2, initData })
  const count = 100_000
  const sums = yield* Effect.forEach(
    ["a", "b", "c"],
    (key) =>
      Stream.runFold(
        pool.ask(key, "Numbers", { count }),
        () => 0,
        (next, number) => {
          must(number === next, `a stream went from ${next - 1} to ${number}`)
          return next + 1
        }
      ),
    { concurrency: "unbounded" }
  )
  must(
    sums.every((sum) => sum === count),
    `streams of ${count} ended after ${sums.join()}`
  )
  const some = yield* Stream.runCollect(Stream.take(pool.ask("a", "Numbers", { count }), 5))
  must([...some].join() === "0,1,2,3,4", `the first five came as ${[...some].join()}`)
  must((yield* pool.ask("a", "Echo", { value: "on" })) === "on", "a stream that was left held its worker")
})

const misfits = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Probe, { size: 2, initData })
  const reply = yield* failure(pool.ask("a", "Misfit", undefined), "WorkerPanicked")
  must(reply.message.includes("Misfit"), `an answer that does not fit names nothing: ${reply.message}`)
  must(
    (yield* pool.ask("a", "Echo", { value: "on" })) === "on",
    "the worker did not outlive an answer that did not fit"
  )

  const bad = { key: "k", from: "one", sequence: 1 } as unknown as Parcel
  const all = [...parcels("k", 0, 1), bad, ...parcels("k", 0, 1, 1)]
  const error = yield* failure(pool.sendAll(all), "SendError")
  must(error.reason === "Encode", `a message that does not fit is ${error.reason}`)
  must(error.detail.includes("from"), `the path of what does not fit is not named: ${error.detail}`)
  must(error.unsent.length === 2 && error.unsent[0] === bad && error.unsent[1] === all[2], "the rest did not come back")
  yield* pool.send(parcels("k", 0, 1, 1)[0])
  mustBeWhole([yield* pool.ask("k", "Report", undefined)], "k", [0], 2)

  const payload = yield* failure(pool.ask("k", "Echo", { value: 7 as unknown as string }), "SendError")
  must(payload.detail.includes("value"), `the path in a payload is not named: ${payload.detail}`)
  const keyless = yield* failure(pool.send({ key: "", from: 0, sequence: 0 }), "PartitionError")
  must(keyless.unsent.length === 1, "a message without a key did not come back")
})

const breaks = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Probe, { size: 1, initData })
  const worker = yield* pool.worker("Probe/0")
  for (const how of ["throw", "fail", "die"] as const) {
    // Held, so that others ask and send while it is known that they come behind.
    yield* worker.pause
    const first = yield* Effect.forkChild(Effect.exit(pool.ask("a", "Break", { how })))
    yield* Effect.yieldNow
    const behind = yield* Effect.forkChild(Effect.exit(pool.ask("a", "Echo", { value: "behind" })))
    yield* Effect.yieldNow
    yield* pool.send({ key: how, from: 0, sequence: 0 })
    yield* Effect.ignore(worker.resume)
    const panic = yield* failure(Effect.flatten(Fiber.join(first)), "WorkerPanicked")
    must(panic.phase === "Break" && panic.worker === "Probe/0", `a broken request is named so: ${panic.message}`)
    const other = yield* Fiber.join(behind)
    must(Exit.isFailure(other), "a request behind a panic was answered by nobody")
    yield* failure(pool.send({ key: how, from: 0, sequence: 1 }), "WorkerNotRunning")
    yield* worker.start
    // What was accepted is handled by the next life.
    mustBeWhole([yield* pool.ask("a", "Report", undefined)], how, [0], 1)
  }
})

const late = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Probe, { size: 1, initData })
  const worker = yield* pool.worker("Probe/0")
  yield* worker.pause
  const asked = yield* failure(pool.ask("a", "Greeting", undefined, { timeout: "20 millis" }), "Timeout")
  must(asked.message.includes("Greeting"), `a timeout names no request: ${asked.message}`)
  yield* failure(Stream.runDrain(pool.ask("a", "Numbers", { count: 3 }, { timeout: "20 millis" })), "Timeout")
  yield* failure(pool.askAll("Greeting", undefined, { timeout: "20 millis" }), "Timeout")
  yield* worker.resume
  must((yield* pool.ask("a", "Greeting", undefined)) === "hello", "answers that nobody waits for any more disturb")
})

const other = {
  message: Schema.Struct({ ...Word.fields, sequence: Schema.String }),
  output: Schema.Struct({ ...Cry.fields, sequence: Schema.String }),
  initData: Schema.Struct({ ticks: Schema.Boolean, more: Schema.optionalKey(Schema.Int) }),
  requests: [Crier.requests[0], Rpc.make("SayLater", { payload: { text: Schema.String }, success: Schema.String })]
} as const

const alike = { message: Word, output: Cry, initData: Crier.initData, requests: Crier.requests, key: () => 0 }

/** Contracts of the same name that are not those which the backend implements. */
const strangers = {
  message: class extends Worker.Service<unknown>()("Crier", { ...alike, message: other.message }) {},
  output: class extends Worker.Service<unknown>()("Crier", { ...alike, output: other.output }) {},
  initData: class extends Worker.Service<unknown>()("Crier", { ...alike, initData: other.initData }) {},
  "requests.SayLater.success": class extends Worker.Service<unknown>()("Crier", {
    ...alike,
    requests: other.requests
  }) {},
  requests: class extends Worker.Service<unknown>()("Crier", {
    ...alike,
    requests: [...Crier.requests].toReversed()
  }) {},
  state: class extends Worker.Service<unknown>()("Crier", { ...alike, state: Schema.Int }) {}
}

const disagreeing = Effect.gen(function* () {
  for (const [part, stranger] of Object.entries(strangers)) {
    const refused = yield* failure(
      WorkerPool.make(stranger as typeof Crier, { size: 1, initData: { ticks: false } }),
      "InvalidConfig"
    )
    must(refused.option === `contract Crier: ${part}`, `contracts that differ in ${part}: ${refused.message}`)
  }
  const pool = yield* WorkerPool.make(Crier, { size: 1, initData: { ticks: false } })
  must((yield* pool.ask("a", "Say", { text: "on" })) === 2, "the contract itself is not known any more")
})

/**
 * @category laws
 * @since 0.1.0
 */
export const contractLaws = (subject: Subject) => [
  law(subject, "answers each request, after what was sent before it", answers),
  law(subject, "a declared error goes to whoever asked, and the worker goes on", declared),
  law(subject, "streams answers of any length, in order, for as long as somebody takes", streams),
  law(subject, "what does not fit a schema is refused by name and given back", misfits),
  law(subject, "ends that disagree about a contract are told what about", disagreeing),
  law(subject, "a broken handler panics, settles every request, and loses no message", breaks),
  law(subject, "a request that is late fails, and harms no other", late)
]
