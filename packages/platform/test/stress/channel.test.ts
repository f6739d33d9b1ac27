/**
 * Real threads, real kills. Every message is accounted for by a bit of its own.
 *
 * `STRESS_MESSAGES` is how many go through the first test (10,000,000).
 */
import { Worker } from "node:worker_threads"
import { assert, describe, it } from "@effect/vitest"
import * as SharedChannel from "@shared-nothing/core/SharedChannel"
import * as Effect from "effect/Effect"
import * as NodeThreads from "../../src/NodeThreads.ts"
import { Item, type StressTask, Word } from "../fixtures/stressThread.ts"

const total = Number(process.env["STRESS_MESSAGES"] ?? 10_000_000)
const senders = 4
const receivers = 4
const kills = 12

interface Thread {
  readonly worker: Worker
  /** Once it has attached. */
  readonly ready: Promise<void>
  /** "done", why it failed, or "killed". */
  readonly end: Promise<unknown>
}

const start = (task: StressTask): Thread => {
  const worker = new Worker(new URL("../fixtures/stressThread.ts", import.meta.url), { workerData: task })
  const ready = Promise.withResolvers<void>()
  const end = Promise.withResolvers<unknown>()
  worker.on("message", (message) => {
    ready.resolve()
    if (message !== "ready") end.resolve(message)
  })
  worker.once("exit", () => end.resolve("killed"))
  return { worker, ready: ready.promise, end: end.promise }
}

const memoryFor = (count: number) => ({
  count,
  bits: new SharedArrayBuffer(senders * ((count + 31) >>> 5) * 4),
  words: new SharedArrayBuffer(128)
})

const places = Effect.fnUntraced(function* (channel: SharedChannel.SharedChannel<number>) {
  const to = [channel.sender, ...(yield* Effect.replicateEffect(channel.cloneSender, senders - 1))]
  const from = [channel.receiver, ...(yield* Effect.replicateEffect(channel.cloneReceiver, receivers - 1))]
  return { to, from }
})

/** Messages below `sent` of a sender that nobody marked. */
const lostOf = (bits: SharedArrayBuffer, count: number, sender: number, sent: number): number => {
  const seen = new Int32Array(bits, sender * ((count + 31) >>> 5) * 4)
  let lost = 0
  for (let sequence = 0; sequence < sent; sequence++) if ((seen[sequence >>> 5] & (1 << (sequence & 31))) === 0) lost++
  return lost
}

describe("4 senders and 4 receivers in 8 threads", () => {
  it.live(`pass ${total} messages in the order of each sender`, () =>
    Effect.gen(function* () {
      const channel = yield* SharedChannel.mpmc(Item, { maxSenders: senders, maxReceivers: receivers, capacity: 8192 })
      const { from, to } = yield* places(channel)
      const memory = memoryFor(total / senders)
      const began = performance.now()
      const threads = [
        ...from.map((receiver) => start({ ...memory, receiver, ordered: true })),
        ...to.map((handle, id) => start({ ...memory, sender: { id, handle }, ordered: true }))
      ]
      const ends = yield* Effect.promise(() => Promise.all(threads.map(({ end }) => end)))
      const seconds = (performance.now() - began) / 1000
      assert.deepStrictEqual(new Set(ends), new Set(["done"]))
      const words = new Int32Array(memory.words)
      assert.strictEqual(words[Word.twice], 0)
      assert.strictEqual(words[Word.disorder], 0)
      for (let id = 0; id < senders; id++) assert.strictEqual(lostOf(memory.bits, memory.count, id, memory.count), 0)
      const counted = yield* channel.stats
      assert.deepStrictEqual([counted.sent, counted.received, counted.depth], [total, total, 0])
      yield* Effect.log(`${total} messages in ${seconds.toFixed(1)} s`)
    })
  )

  it.live("lose nothing while receivers and senders are terminated", () =>
    Effect.gen(function* () {
      const channel = yield* SharedChannel.mpmc(Item, {
        maxSenders: senders,
        maxReceivers: receivers,
        capacity: 512,
        ack: "after",
        onReceiverDeath: "wait"
      })
      const { from, to } = yield* places(channel)
      const memory = memoryFor(2 ** 27)
      const words = new Int32Array(memory.words)
      const spawn = Effect.fnUntraced(function* (index: number) {
        const thread =
          index < receivers
            ? start({ ...memory, receiver: from[index], ordered: false })
            : start({ ...memory, sender: { id: index - receivers, handle: to[index - receivers] }, ordered: false })
        yield* NodeThreads.watch(thread.worker, channel.sender)
        return thread
      })
      const threads = yield* Effect.forEach(Array.from({ length: receivers + senders }).keys(), spawn)
      let killed = 0
      for (let round = 0; round < kills; round++) {
        // In turn one of either role, so that every thread has had its death and its successor.
        const index = (round % 2) * receivers + ((round >> 1) % receivers)
        const thread = threads[index]
        // Were every sender dead at once, receivers would be right to give up.
        yield* Effect.promise(() => Promise.all(threads.map(({ ready }) => ready)))
        const before = (yield* channel.stats).received
        while ((yield* channel.stats).received < before + 50_000) yield* Effect.sleep(1)
        yield* Effect.promise(() => thread.worker.terminate())
        if ((yield* Effect.promise(() => thread.end)) === "killed") killed += 1
        threads[index] = yield* spawn(index)
      }
      yield* Effect.promise(() => Promise.all(threads.map(({ ready }) => ready)))
      Atomics.store(words, Word.stop, 1)
      const ends = yield* Effect.promise(() => Promise.all(threads.map(({ end }) => end)))
      assert.deepStrictEqual(new Set(ends), new Set(["done"]))
      assert.strictEqual(killed, kills)
      let sent = 0
      for (let id = 0; id < senders; id++) {
        assert.strictEqual(lostOf(memory.bits, memory.count, id, words[id]), 0)
        sent += words[id]
      }
      // A sender's successor sends the batch again in which it was killed, a receiver gets what was not acknowledged.
      assert.isBelow(words[Word.twice], kills * 8 * 1024)
      yield* Effect.log(`${killed} kills, ${sent} messages, ${words[Word.twice]} came twice, none lost`)
    })
  )
})
