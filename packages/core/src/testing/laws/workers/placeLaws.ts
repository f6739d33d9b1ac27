/**
 * Laws of place: who gets what, and that it stays so for each key while workers come and go and
 * other threads send.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Partitioner from "../../../partition/Partitioner.ts"
import type { PoolOptionsInput } from "../../../pool/PoolOptions.ts"
import * as WorkerPool from "../../../pool/WorkerPool.ts"
import type { WorkerNotFound } from "../../../errors/Errors.ts"
import { dice, must } from "../Subject.ts"
import { sendMixed } from "./orderLaws.ts"
import { Crowd, type Entry, Probe, Relay } from "./Probe.ts"
import { eventually, failure, keys, law, mustBeWhole, parcels, type Subject } from "./Subject.ts"

const initData = { greeting: "hello" }

const everybody = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Probe, { size: 3, initData })
  const message = parcels("a", 0, 1)[0]
  yield* pool.broadcast(message)
  yield* pool.sendTo("Probe/1", { ...message, from: 1 })
  const reports = yield* pool.askAll("Report", undefined)
  must(reports.length === 3, `${reports.length} of 3 workers answered`)
  for (const report of reports) mustBeWhole([report], "a", [0], 1)
  const alone = yield* pool.askTo("Probe/1", "Report", undefined)
  mustBeWhole([alone], "a", [1], 1)
  must(
    reports.filter((report) => new Map(report[0].next).has(1)).length === 1,
    "what was sent to one worker came to another"
  )
  const ref = yield* pool.worker("Probe/2")
  yield* ref.sendAll(parcels("b", 0, 5))
  mustBeWhole([yield* pool.askTo("Probe/2", "Report", undefined)], "b", [0], 5)

  const sent = yield* failure(pool.sendTo("Probe/9", message), "WorkerNotFound")
  must(sent.known.join() === "Probe/0,Probe/1,Probe/2" && sent.unsent[0] === message, `it says: ${sent.message}`)
  yield* failure(pool.askTo("Probe/9", "Greeting", undefined), "WorkerNotFound")
  yield* failure(pool.worker("Probe/9"), "WorkerNotFound")
  yield* failure(pool.removeWorker("Probe/9"), "WorkerNotFound")
  yield* failure(pool.recycle("Probe/9"), "WorkerNotFound")
  must((yield* pool.describe).includes("Probe/2  Running"), "a pool does not describe its workers")
})

/** The sending half of one worker, the owner's or another thread's. */
const halves = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Probe, { size: 2, maxSize: 3, capacity: 8, initData })
  const client = yield* WorkerPool.connect(Probe, pool.handle)
  const worker = yield* pool.worker("Probe/1")
  const sender = yield* pool.sender("Probe/1")
  const other = yield* client.sender("Probe/1")
  let from = 0
  for (const half of [sender, other]) {
    must(half.worker === "Probe/1", `the sender of Probe/1 is that of ${half.worker}`)
    yield* worker.pause
    const [first, ...rest] = parcels("a", from, 8)
    yield* half.send(first)
    yield* Stream.run(Stream.fromIterable(rest), half.sink)
    must(!(yield* half.trySend(parcels("a", from, 1, 8)[0])), "there was no room, and it was sent")
    const late = yield* failure(half.sendAllWithin(parcels("a", from, 3, 8), "20 millis"), "Timeout")
    must(late.unsent.length === 3 && late.message.includes("Probe/1"), `it says: ${late.message}`)
    yield* failure(half.sendWithin(parcels("a", from, 1, 8)[0], "20 millis"), "Timeout")
    yield* worker.resume
    const all = half.sendAll(parcels("a", from, 30, 8))
    yield* all
    yield* eventually(half.trySend(parcels("a", from, 1, 38)[0]))
    yield* worker.kill
    yield* worker.start
    yield* half.send(parcels("a", from, 1, 39)[0])
    yield* eventually(
      Effect.map(pool.askTo("Probe/1", "Report", undefined), (report) =>
        report.some(({ next }) => next.some(([sent, count]) => sent === from && count >= 40))
      )
    )
    from += 1
  }
  for (const [id, known] of [
    ["Probe/2", pool.sender("Probe/2")],
    ["Probe/2", client.sender("Probe/2")],
    ["nobody", client.sendTo("nobody", parcels("a", 9, 1)[0])]
  ] as const) {
    const unknown = yield* failure(known as Effect.Effect<unknown, WorkerNotFound>, "WorkerNotFound")
    must(unknown.worker === id && unknown.known.join() === "Probe/0,Probe/1", `it says: ${unknown.message}`)
  }
  yield* pool.removeWorker("Probe/1")
  const gone = yield* failure(sender.sendAll(parcels("a", 0, 3)), "WorkerNotRunning")
  must(gone.unsent.length === 3, `a worker that is gone gave ${gone.unsent.length} of 3 back`)
  yield* failure(sender.trySend(parcels("a", 0, 1)[0]), "WorkerNotRunning")
  const missing = yield* failure(client.sendTo("Probe/1", parcels("a", 1, 1)[0]), "WorkerNotFound")
  must(missing.known.join() === "Probe/0" && missing.unsent.length === 1, `it says: ${missing.message}`)
  const closed = yield* failure(other.sendAll(parcels("a", 1, 3)), "WorkerNotRunning")
  must(closed.unsent.length === 3, `another thread's sender gave ${closed.unsent.length} of 3 back`)
  yield* failure(other.trySend(parcels("a", 1, 1)[0]), "WorkerNotRunning")
  const place = yield* pool.addWorker
  yield* client.sendTo(place, parcels("a", 2, 1)[0])
})

const mustName = <E extends { readonly _tag: string }>(
  exit: Exit.Exit<unknown, E>,
  expected: ReadonlyArray<readonly [string, string]>
): void => {
  must(Exit.isFailure(exit), "something that failed at a worker succeeded")
  const said = WorkerPool.failures(exit.cause).map(({ reason, worker }) =>
    reason._tag === "Fail" ? `${worker}: ${reason.error._tag}` : `${worker}: ${reason._tag}`
  )
  must(said.join() === expected.map(([worker, tag]) => `${worker}: ${tag}`).join(), `it failed at ${said.join()}`)
}

const allOfThem = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Probe, { size: 4, capacity: 2, initData })
  yield* (yield* pool.worker("Probe/0")).stop
  yield* (yield* pool.worker("Probe/2")).kill
  const held = yield* pool.worker("Probe/3")
  yield* held.pause
  yield* held.sendAll(parcels("b", 0, 2))
  const timeout = "20 millis"
  const wrong = [
    ["Probe/0", "WorkerNotRunning"],
    ["Probe/2", "WorkerNotRunning"],
    ["Probe/3", "Timeout"]
  ] as const
  mustName(yield* Effect.exit(pool.broadcast(parcels("a", 0, 1)[0], { timeout })), wrong)
  mustName(yield* Effect.exit(pool.askAll("Greeting", undefined, { timeout })), wrong)
  mustBeWhole([yield* pool.askTo("Probe/1", "Report", undefined)], "a", [0], 1)
  const misfit = Effect.exit(pool.broadcast({ key: "a", from: "one", sequence: 1 } as never, { timeout }))
  mustName(yield* misfit, [wrong[0], ["Probe/1", "SendError"], wrong[1], wrong[2]])
  yield* held.resume
})

type Pool = Effect.Success<typeof opened>
const opened = WorkerPool.make(Probe, { size: 2, initData })

/** Changes the workers in every way that there is. */
const upheaval = Effect.fnUntraced(function* (pool: Pool, rounds: number) {
  const roll = dice(5)
  for (let round = 0; round < rounds; round++) {
    switch (roll(4)) {
      case 0:
        yield* pool.resize(1 + roll(4))
        break
      case 1:
        if (pool.size < 5) yield* pool.addWorker
        break
      case 2:
        if (pool.size > 1) yield* pool.removeWorker(pool.workerIds[roll(pool.size)])
        break
      default:
        yield* pool.recycle(pool.workerIds[roll(pool.size)])
    }
  }
})

const senders = [0, 1, 2, 3]

/** Sends to some keys for as long as something else goes on, and reports how many of each it sent. */
const sendMeanwhile = <E>(pool: Pool, names: ReadonlyArray<string>, change: Effect.Effect<void, E>) =>
  Effect.gen(function* () {
    const traffic = { goesOn: true }
    const sent = senders.map(() => 0)
    const sender = Effect.fnUntraced(function* (from: number) {
      while (traffic.goesOn) {
        yield* pool.sendAll(names.flatMap((key) => parcels(key, from, 10, sent[from])))
        sent[from] += 10
        yield* pool.ask(names[from], "Greeting", undefined)
      }
    })
    const end = Effect.sync(() => {
      traffic.goesOn = false
    })
    yield* Effect.all([Effect.ensuring(change, end), Effect.forEach(senders, sender, { concurrency: "unbounded" })], {
      concurrency: "unbounded",
      discard: true
    })
    return sent
  })

const mustHaveAll = (
  reports: ReadonlyArray<ReadonlyArray<Entry>>,
  names: ReadonlyArray<string>,
  sent: ReadonlyArray<number>
) => {
  must(
    sent.every((count) => count > 0),
    "a sender sent nothing: the law was not tested"
  )
  for (const key of names) for (const from of senders) mustBeWhole(reports, key, [from], sent[from])
}

const elastic = (options: PoolOptionsInput, partitioner: Partitioner.Partitioner<string | number | bigint>) =>
  Effect.gen(function* () {
    const pool = yield* WorkerPool.make(Probe, { size: 2, initData, partitioner, ...options })
    const names = keys(30)
    const sent = yield* sendMeanwhile(pool, names, upheaval(pool, 5))
    yield* pool.drained
    mustHaveAll(yield* pool.askAll("Report", undefined), names, sent)
  })

const elasticCrowd = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Crowd, { size: 1 })
  const names = keys(20)
  const sending = yield* Effect.forkChild(sendMixed(pool, 0, names, 100))
  for (const size of [3, 1, 2]) yield* pool.resize(size)
  yield* Fiber.join(sending)
  yield* pool.drained
  const reports = yield* pool.askAll("Report", undefined)
  for (const key of names) mustBeWhole(reports, key, [0], 100)
})

const interrupted = Effect.gen(function* () {
  const pool = yield* opened
  const names = keys(30)
  const roll = dice(9)
  let cut = 0
  const change = Effect.gen(function* () {
    for (let round = 0; round < 8; round++) {
      const exit = yield* Effect.exit(Effect.timeout(pool.resize(1 + (round % 4)), 1 + roll(250)))
      if (Exit.isFailure(exit)) cut += 1
    }
  })
  const sent = yield* sendMeanwhile(pool, names, change)
  yield* pool.drained
  mustHaveAll(yield* pool.askAll("Report", undefined), names, sent)
  yield* pool.resize(2)
  yield* pool.drained
  mustHaveAll(yield* pool.askAll("Report", undefined), names, sent)
})

const unkeyed = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Probe, { size: 2, initData, partitioner: Partitioner.roundRobin() })
  let sent = 0
  const traffic = { goesOn: true }
  const sending = Effect.gen(function* () {
    while (traffic.goesOn) {
      yield* pool.sendAll(parcels("a", 0, 20, sent))
      sent += 20
    }
  })
  const change = Effect.gen(function* () {
    yield* pool.resize(3)
    yield* pool.recycle("Probe/0")
    yield* pool.recycle("Probe/2")
    traffic.goesOn = false
  })
  yield* Effect.all([sending, change], { concurrency: "unbounded" })
  yield* pool.drained
  // No key has a worker, so none has an order; what each worker counted outlives its recycling.
  const reports = yield* pool.askAll("Report", undefined)
  const handled = reports.flat().reduce((sum, { count }) => sum + count, 0)
  must(reports.length === 3 && handled === sent, `${handled} messages were handled, ${sent} were sent`)
})

const badSizes = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Probe, { size: 1, maxSize: 2, initData })
  for (const size of [0, -1, 3, 1.5, Number.NaN, Infinity]) {
    const refused = yield* failure(pool.resize(size), "InvalidConfig")
    must(refused.option.includes("size") && Object.is(refused.value, size), `it says: ${refused.message}`)
  }
  yield* failure(pool.removeWorker("Probe/0"), "InvalidConfig")
  must((yield* pool.addWorker) === "Probe/1", "a worker that was added has another name")
  yield* failure(pool.addWorker, "InvalidConfig")
  yield* pool.removeWorker("Probe/0")
  must(pool.workerIds.join() === "Probe/1", `after a removal there are ${pool.workerIds.join()}`)
  must((yield* pool.ask("any", "Greeting", undefined)) === "hello", "the worker that is left does not answer")
})

/** Sends that wait for keys on the move are subject to their timeout, and are given back. */
const waitingForMove = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Probe, { size: 1, initData, capacity: 4 })
  const worker = yield* pool.worker("Probe/0")
  yield* worker.pause
  yield* pool.send(parcels("a", 0, 1)[0])
  const resizing = yield* Effect.forkChild(pool.resize(2))
  // Held once a message to some key does not find its worker.
  const names = keys(40)
  const late = yield* eventuallyHeld(pool, names)
  must(late.length > 0, "nothing was held")
  yield* worker.resume
  yield* Fiber.join(resizing)
  yield* pool.drained
  const reports = yield* pool.askAll("Report", undefined)
  const handled = reports.flat().reduce((sum, { next }) => sum + next.length, 0)
  must(handled === 1 + names.length - late.length, `${handled} handled, ${late.length} given back`)
})

const eventuallyHeld = Effect.fnUntraced(function* (pool: Pool, names: ReadonlyArray<string>) {
  yield* eventually(Effect.map(pool.describe, (words) => !words.includes("Probe/1  Idle")))
  const back: Array<unknown> = []
  for (const key of names) {
    const exit = yield* Effect.exit(Effect.flip(pool.send(parcels(key, 0, 1)[0], { timeout: "20 millis" })))
    if (Exit.isSuccess(exit) && "unsent" in exit.value) back.push(...exit.value.unsent)
  }
  return back
})

const relayed = (subject: Subject) =>
  Effect.gen(function* () {
    const target = yield* WorkerPool.make(Probe, { size: 2, capacity: 64, initData })
    const relay = yield* WorkerPool.make(Relay, { size: 2, initData: { to: target.handle } })
    const names = keys(10)
    const count = subject.messages
    const sending = yield* Effect.forkChild(
      Effect.forEach(senders, (from) => sendMixed(relay, from, names, count), {
        concurrency: "unbounded",
        discard: true
      })
    )
    for (const size of [4, 1, 3]) yield* target.resize(size)
    yield* target.recycle(target.workerIds[1])
    yield* Fiber.join(sending)
    yield* relay.drained
    const passed = yield* relay.askAll("Passed", undefined)
    const total = names.length * senders.length * count
    must(passed.reduce((sum, n) => sum + n, 0) === total, `${passed.join(" + ")} messages were passed on, not ${total}`)
    // Their lanes are not this thread's, so this thread cannot tell when they are empty.
    yield* eventually(
      Effect.map(
        target.askAll("Report", undefined),
        (reports) => reports.flat().reduce((sum, { next }) => sum + next.reduce((all, [, n]) => all + n, 0), 0) >= total
      )
    )
    const reports = yield* target.askAll("Report", undefined)
    for (const key of names) mustBeWhole(reports, key, senders, count)
  })

const clients = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Probe, { size: 2, clients: 2, initData })
  for (let round = 0; round < 10; round++) {
    yield* Effect.scoped(
      Effect.gen(function* () {
        const client = yield* WorkerPool.connect(Probe, pool.handle)
        yield* client.sendAll(parcels("a", 0, 3, round * 3))
      })
    )
  }
  const one = yield* WorkerPool.connect(Probe, pool.handle)
  const other = yield* WorkerPool.connect(Probe, pool.handle)
  const refused = yield* failure(WorkerPool.connect(Probe, pool.handle), "InvalidConfig")
  must(refused.message.includes("clients"), `one client too many: ${refused.message}`)
  const strange = yield* failure(WorkerPool.connect(Crowd, pool.handle as never), "InvalidConfig")
  must(strange.option === "WorkerPool.connect", `another contract: ${strange.message}`)
  yield* one.send(parcels("a", 1, 1)[0])
  yield* other.sendTo("Probe/1", parcels("b", 1, 1)[0])
  yield* failure(other.sendTo("Probe/9", parcels("b", 1, 1)[0]), "WorkerNotFound")
  yield* eventually(
    Effect.map(
      pool.askAll("Report", undefined),
      (reports) => reports.flat().reduce((sum, { next }) => sum + next.length, 0) === 3
    )
  )
  mustBeWhole(yield* pool.askAll("Report", undefined), "a", [0], 30)
})

const closedToClients = Effect.gen(function* () {
  const handle = yield* Effect.scoped(
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Probe, { size: 1, initData })
      return pool.handle
    })
  )
  const exit = yield* Effect.exit(WorkerPool.connect(Probe, handle))
  if (Exit.isSuccess(exit)) {
    const all = parcels("a", 0, 5)
    const refused = yield* failure(exit.value.sendAll(all), "SendError")
    must(refused.reason === "Closed" && refused.unsent.length === 5, `a pool that is closed says: ${refused.message}`)
    yield* failure(exit.value.sendTo("Probe/0", all[0]), "SendError")
  }
})

/**
 * @category laws
 * @since 0.1.0
 */
export const placeLaws = (subject: Subject) => [
  law(subject, "broadcasts reach everybody, the rest whom it names, and nobody is guessed", everybody),
  law(subject, "what fails at several workers names each of them", allOfThem),
  law(
    subject,
    "workers come and go under traffic: nothing lost, nothing twice, no key out of order",
    elastic({}, Partitioner.hash())
  ),
  law(
    subject,
    "workers come and go while senders wait for room",
    elastic({ capacity: 3 }, Partitioner.consistentHash())
  ),
  law(subject, "workers that handle several keys at once come and go", elasticCrowd),
  law(subject, "a change that is interrupted takes effect, or does not", interrupted),
  law(subject, "workers without keys come and go, and nothing is refused", unkeyed),
  law(subject, "sizes that cannot be are refused by name", badSizes),
  law(subject, "a send that waits for keys on the move may be late, and gives back", waitingForMove),
  ...(subject.isolation === "process"
    ? []
    : [
        law(subject, "workers send to workers by key, through every change", relayed(subject)),
        law(subject, "one worker's sending half waits, tries and gives back, wherever it is held", halves),
        law(subject, "other threads connect again and again, as many at once as may", clients),
        law(subject, "a pool that is closed takes nothing from other threads", closedToClients)
      ])
]
