/**
 * Laws of order and room: one key's messages in their order whatever the traffic, a slow worker that
 * bounds what waits for it, and each overflow policy doing what it says.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { PoolOptionsInput } from "../../../pool/PoolOptions.ts"
import * as WorkerPool from "../../../pool/WorkerPool.ts"
import { dice, must } from "../Subject.ts"
import { Crowd, type Parcel, Probe } from "./Probe.ts"
import { eventually, failure, keys, law, mustBeWhole, parcels, type Subject } from "./Subject.ts"

const initData = { greeting: "hello" }

/** Sends `count` messages of one sender for each key, by every operation there is. */
export const sendMixed = Effect.fnUntraced(function* <E>(
  pool: {
    readonly send: (message: Parcel) => Effect.Effect<void, E>
    readonly sendAll: (messages: ReadonlyArray<Parcel>) => Effect.Effect<void, E>
  },
  from: number,
  names: ReadonlyArray<string>,
  count: number
) {
  const roll = dice(from + 1)
  const next = new Map(names.map((key) => [key, 0]))
  const acts = ["yield", undefined, undefined] as const
  const make = (key: string): Parcel => {
    const sequence = next.get(key)!
    next.set(key, sequence + 1)
    const act = acts[roll(3)]
    return act === undefined ? { key, from, sequence } : { key, from, sequence, act }
  }
  for (;;) {
    const open = names.filter((key) => next.get(key)! < count)
    if (open.length === 0) return
    if (roll(4) === 0) {
      yield* pool.send(make(open[roll(open.length)]))
      continue
    }
    const batch: Array<Parcel> = []
    for (let n = 1 + roll(40); n > 0; n--) {
      const key = open[roll(open.length)]
      if (next.get(key)! < count) batch.push(make(key))
    }
    yield* pool.sendAll(batch)
  }
})

const senders = [0, 1, 2, 3, 4, 5]

const crossing = (subject: Subject, capacity: number) =>
  Effect.gen(function* () {
    const pool = yield* WorkerPool.make(Probe, { size: 2, capacity, initData })
    const names = keys(5)
    const count = Math.ceil(subject.messages / (capacity < 8 ? 4 : 1))
    yield* Effect.forEach(senders, (from) => sendMixed(pool, from, names, count), {
      concurrency: "unbounded",
      discard: true
    })
    const reports = yield* pool.askAll("Report", undefined)
    for (const key of names) mustBeWhole(reports, key, senders, count)
  })

const crowded = (subject: Subject) =>
  Effect.gen(function* () {
    const pool = yield* WorkerPool.make(Crowd, { size: 1 })
    const names = keys(20)
    yield* Effect.forEach(senders, (from) => sendMixed(pool, from, names, Math.ceil(subject.messages / 4)), {
      concurrency: "unbounded",
      discard: true
    })
    yield* pool.drained
    const reports = yield* pool.askAll("Report", undefined)
    for (const key of names) mustBeWhole(reports, key, senders, Math.ceil(subject.messages / 4))
    const most = yield* pool.ask("a", "Most", undefined)
    must(most > 1 && most <= 4, `${most} handlers ran at once, up to 4 may`)
  })

const slowKey = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Crowd, { size: 1 })
  const worker = yield* pool.worker("Crowd/0")
  yield* pool.send({ key: "slow", from: 0, sequence: 0, act: "wait" })
  yield* pool.sendAll(parcels("slow", 0, 10, 1))
  yield* pool.sendAll(parcels("fast", 0, 10))
  mustBeWhole([yield* pool.ask("other", "Report", undefined)], "fast", [0], 10)
  const [{ depth }] = yield* pool.stats
  must(depth >= 21, `only ${depth} messages wait behind one that is not handled`)
  // Not acknowledged is not lost: the next life gets them all again.
  yield* worker.kill
  yield* worker.start
  yield* pool.send({ key: "gate", from: 0, sequence: 0, act: "open" })
  yield* pool.drained
  const [report] = yield* pool.askAll("Report", undefined)
  mustBeWhole([report], "slow", [0], 11)
  mustBeWhole([report], "fast", [0], 10)
})

const pausedCrowd = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Crowd, { size: 1 })
  const worker = yield* pool.worker("Crowd/0")
  for (const key of keys(8)) {
    yield* pool.sendAll(
      Array.from({ length: 50 }, (_, sequence) => ({ key, from: 0, sequence, act: "yield" as const }))
    )
  }
  yield* worker.pause
  const [before] = yield* pool.stats
  yield* worker.ping
  yield* Effect.sleep("5 millis")
  const [after] = yield* pool.stats
  must(
    before.handled === after.handled && before.depth === after.depth,
    `a paused worker went from ${before.handled} to ${after.handled}`
  )
  yield* worker.resume
  yield* pool.drained
  const reports = yield* pool.askAll("Report", undefined)
  for (const key of keys(8)) mustBeWhole(reports, key, [0], 50)
})

const priorities = Effect.gen(function* () {
  const pool = yield* WorkerPool.make(Probe, { size: 1, priorities: 3, initData })
  const worker = yield* pool.worker("Probe/0")
  yield* worker.pause
  for (const start of [0, 10]) {
    for (const priority of [0, 1, 2]) yield* pool.sendAll(parcels("a", priority, 10, start), { priority })
  }
  yield* worker.resume
  const order = yield* pool.ask("a", "Order", undefined)
  const expected = [2, 1, 0].flatMap((priority) => parcels("a", priority, 20).map((p) => `a ${p.from}.${p.sequence}`))
  must(order.join() === expected.join(), `messages of three priorities came as ${order.join()}`)
  for (const priority of [3, -1, 0.5, Number.NaN]) {
    const refused = yield* failure(pool.send(parcels("a", 0, 1)[0], { priority }), "SendError")
    must(refused.unsent.length === 1, "a message of no priority did not come back")
  }
})

/** A pool of one worker that is held, so that its mailbox fills. */
const held = Effect.fnUntraced(function* (options: PoolOptionsInput) {
  const pool = yield* WorkerPool.make(Probe, { size: 1, initData, ...options })
  const worker = yield* pool.worker("Probe/0")
  yield* worker.pause
  return { pool, worker }
})

const backpressure = (capacity: number) =>
  Effect.gen(function* () {
    const { pool, worker } = yield* held({ capacity })
    const sending = yield* Effect.forEach([0, 1, 2], (from) => Effect.forkChild(pool.sendAll(parcels("a", from, 100))))
    yield* eventually(Effect.map(pool.stats, ([{ depth }]) => depth >= capacity))
    for (let turn = 0; turn < 20; turn++) yield* Effect.yieldNow
    const [{ depth }] = yield* pool.stats
    must(depth === capacity, `${depth} messages wait for a worker, ${capacity} may`)
    must(
      sending.every((fiber) => fiber.pollUnsafe() === undefined),
      "a sender went on without room"
    )
    yield* worker.resume
    yield* Fiber.joinAll(sending)
    mustBeWhole([yield* pool.ask("a", "Report", undefined)], "a", [0, 1, 2], 100)
  })

const full = Effect.gen(function* () {
  const { pool, worker } = yield* held({ capacity: 8, onFull: "fail" })
  const refused = yield* failure(pool.sendAll(parcels("a", 0, 20)), "PoolFull")
  must(refused.capacity === 8 && refused.unsent.length === 12, `a full pool says: ${refused.message}`)
  must((refused.unsent[0] as Parcel).sequence === 8, "what came back is not the rest")
  yield* failure(worker.send(parcels("a", 0, 1)[0]), "PoolFull")
  yield* worker.resume
  yield* pool.drained
  yield* pool.sendAll(parcels("a", 0, 8, 8))
  mustBeWhole([yield* pool.ask("a", "Report", undefined)], "a", [0], 16)
})

const newest = Effect.gen(function* () {
  const { pool, worker } = yield* held({ capacity: 8, onFull: "dropNewest" })
  yield* pool.sendAll(parcels("a", 0, 20))
  const [{ dropped }] = yield* pool.stats
  must(dropped === 12, `${dropped} of 20 messages were dropped where 8 have room`)
  yield* worker.resume
  mustBeWhole([yield* pool.ask("a", "Report", undefined)], "a", [0], 8)
})

const oldest = Effect.gen(function* () {
  const { pool, worker } = yield* held({ capacity: 8, onFull: "dropOldest" })
  yield* pool.sendAll(parcels("a", 0, 50))
  // A request takes its place among the messages, and is never dropped.
  const asking = yield* Effect.forkChild(pool.ask("a", "Greeting", undefined))
  yield* Effect.yieldNow
  yield* pool.sendAll(parcels("a", 0, 50, 50))
  const [{ depth, dropped }] = yield* pool.stats
  must(dropped + depth >= 100 && depth <= 18, `${dropped} dropped and ${depth} waiting of 100 messages and a request`)
  yield* worker.resume
  must((yield* Fiber.join(asking)) === "hello", "a request was dropped")
  yield* pool.drained
  const order = yield* pool.ask("a", "Order", undefined)
  must(order.length + dropped === 100, `${order.length} handled and ${dropped} dropped of 100`)
  // The request has one of the eight places.
  must(order.at(-1) === "a 0.99" && order.at(-7) === "a 0.93", `the newest are not there: ${order.slice(-8).join()}`)
  // What waits beside the ring is not forgotten by a stop.
  yield* worker.pause
  yield* pool.sendAll(parcels("b", 0, 16))
  yield* worker.stop
  const [left] = yield* pool.stats
  must(left.depth === 0, `a stop left ${left.depth} messages`)
})

/** A request that finds the ring full, and nothing else to move it. */
const requestWhenFull = Effect.gen(function* () {
  const { pool, worker } = yield* held({ capacity: 4, onFull: "dropOldest" })
  yield* pool.sendAll(parcels("a", 0, 4))
  const asking = yield* Effect.forkChild(pool.ask("a", "Greeting", undefined))
  yield* Effect.yieldNow
  yield* worker.resume
  must((yield* Fiber.join(asking)) === "hello", "a request that found no room was forgotten")
})

const patience = Effect.gen(function* () {
  const { pool, worker } = yield* held({ capacity: 4 })
  const all = parcels("a", 0, 10)
  const late = yield* failure(pool.sendAll(all, { timeout: "20 millis" }), "Timeout")
  must(late.unsent.length === 6 && late.unsent[0] === all[4], `a timeout gave back ${late.unsent.length} messages of 6`)
  const alone = yield* failure(pool.send(all[4], { timeout: "5 millis" }), "Timeout")
  must(alone.unsent.length === 1, `a timeout gave back ${alone.unsent.length} messages of 1`)
  yield* failure(pool.sendTo("Probe/0", all[4], { timeout: "5 millis" }), "Timeout")
  yield* failure(pool.broadcast(all[4], { timeout: "5 millis" }), "Timeout")
  yield* worker.resume
  yield* pool.sendAll(all.slice(4), { timeout: "10 seconds" })
  mustBeWhole([yield* pool.ask("a", "Report", undefined)], "a", [0], 10)
})

/** Whoever waits for room when a worker ends learns so, and has back what was not accepted. */
const ending = (how: "kill" | "stop") =>
  Effect.gen(function* () {
    const { pool, worker } = yield* held({ capacity: 8 })
    const sending = yield* Effect.forkChild(Effect.exit(pool.sendAll(parcels("a", 0, 5000))))
    yield* eventually(Effect.map(pool.stats, ([{ depth }]) => depth === 8))
    yield* worker[how]
    const refused = yield* failure(Effect.flatten(Fiber.join(sending)), "WorkerNotRunning")
    const rest = refused.unsent as ReadonlyArray<Parcel>
    const [{ depth }] = yield* pool.stats
    if (how === "kill") must(depth === 8, `a killed worker left ${depth} messages of 8`)
    must(rest.length > 0 && rest[0].sequence + rest.length === 5000, "accepted and given back do not add up")
    yield* worker.start
    yield* pool.sendAll(rest)
    const [entry] = yield* pool.ask("a", "Report", undefined)
    // A stopped worker took its book with it: the next one begins where that ended.
    must(how === "stop" || entry.faults.length === 0, entry.faults.join("; "))
    must(entry.faults.length <= 1 && new Map(entry.next).get(0) === 5000, "messages were lost")
  })

/**
 * @category laws
 * @since 0.1.0
 */
export const orderLaws = (subject: Subject) => [
  ...[1, 7, 4096].map((capacity) =>
    law(
      subject,
      `many senders, ${capacity} of room: the order of each key holds, nothing is lost, nothing comes twice`,
      crossing(subject, capacity)
    )
  ),
  law(subject, "handlers of several keys at once: no more than may, and the order of each key holds", crowded(subject)),
  law(subject, "a slow key holds up no other, and is not acknowledged before it is handled", slowKey),
  law(subject, "a pause holds handlers of several keys, too", pausedCrowd),
  law(subject, "the more urgent goes first, each priority in its order", priorities),
  ...[1, 64].map((capacity) =>
    law(subject, `a slow worker bounds what waits for it, at ${capacity}`, backpressure(capacity))
  ),
  law(subject, "onFull fail: refuses, and gives back", full),
  law(subject, "onFull dropNewest: forgets what finds no room, and counts it", newest),
  law(subject, "onFull dropOldest: keeps the newest and every request, and counts what it forgot", oldest),
  law(subject, "onFull dropOldest: a request that finds no room is answered", requestWhenFull),
  law(subject, "a send that is late gives back what was not accepted", patience),
  law(subject, "a kill gives back to whoever waits for room", ending("kill")),
  law(subject, "a stop gives back to whoever waits for room, or handles it", ending("stop"))
]
