/** What a pool does about errors that are not those of a worker: each has its own name, and leaves nothing behind. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Poll from "../../src/channel/Poll.ts"
import * as ThreadIdentity from "../../src/channel/ThreadIdentity.ts"
import { SendError } from "../../src/errors/Errors.ts"
import * as Partitioner from "../../src/partition/Partitioner.ts"
import type { Member } from "../../src/pool/Member.ts"
import { Pending } from "../../src/pool/Pending.ts"
import type { PoolHandle } from "../../src/pool/PoolHandle.ts"
import * as WorkerPool from "../../src/pool/WorkerPool.ts"
import * as Doorbell from "../../src/ring/Doorbell.ts"
import { Endpoint, endpointIndex, LaneControl, laneControlIndex } from "../../src/ring/layout.ts"
import { Mesh } from "../../src/ring/Mesh.ts"
import * as FiberWorkers from "../../src/worker/FiberWorkers.ts"
import * as Worker from "../../src/worker/Worker.ts"

const Word = Schema.Struct({ word: Schema.String, count: Schema.Int })

class Meek extends Worker.Service<Meek>()("Meek", {
  message: Word,
  requests: [
    Rpc.make("Handled", { success: Schema.Int }),
    Rpc.make("Count", { payload: { to: Schema.Int }, success: Schema.Int, stream: true })
  ],
  key: ({ word }) => {
    if (word === "badKey") throw new RangeError("no key")
    return word
  }
}) {}

const meek = Meek.toLayer({
  init: Effect.sync(() => ({ handled: 0 })),
  handle: (state) => {
    state.handled += 1
  },
  Handled: (state) => state.handled,
  Count: (_, { to }) => Stream.range(1, to)
})

const backend = FiberWorkers.layer([Meek, meek])

/** Makes the cursors of the lane that the pool's own sender has to its first worker impossible. */
const breakMailbox = (handle: PoolHandle<never>): number => {
  const mesh = Mesh.open(handle.mailboxes[0].memory)
  const acked = laneControlIndex(mesh.senders, mesh.receivers, 0) + LaneControl.acked
  mesh.memory.i32[acked] = 1 << 30
  return acked * 4
}

describe("a message that is refused", () => {
  it.effect("is a PartitionError only for what its key function threw", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Meek, { size: 1 })
      const noKey = yield* Effect.flip(pool.send({ word: "badKey", count: 1 }))
      assert.strictEqual(noKey._tag, "PartitionError")
      const unusual = {
        word: "a",
        get count(): number {
          throw new TypeError("no count")
        }
      }
      const noValue = yield* Effect.flip(pool.send(unusual))
      assert.strictEqual(noValue._tag === "SendError" ? noValue.reason : noValue._tag, "Encode")
      assert.include(noValue.message, "no count")
    }).pipe(Effect.scoped, Effect.provide(backend))
  )

  it.effect("by memory that is no mailbox any more names the byte", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Meek, { size: 1, capacity: 2 })
      const worker = yield* pool.worker("Meek/0")
      yield* worker.pause
      yield* pool.sendAll([1, 2].map((count) => ({ word: "a", count })))
      const byte = breakMailbox(pool.handle as PoolHandle<never>)
      const error = yield* Effect.flip(pool.send({ word: "a", count: 3 }))
      assert.strictEqual(error._tag === "SendError" ? error.reason : error._tag, "Closed")
      assert.include(error.message, `byte ${byte}`)
      assert.deepStrictEqual(error._tag === "SendError" ? error.unsent : [], [{ word: "a", count: 3 }])
      yield* worker.kill
    }).pipe(Effect.scoped, Effect.provide(backend))
  )
})

describe("a request that cannot be", () => {
  /** What has no types: plain JavaScript, or what came over a wire. */
  type Untyped = (...args: ReadonlyArray<unknown>) => Effect.Effect<unknown, { readonly message: string }>

  it.effect("is a SendError with the tags that there are, however it is asked", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Meek, { size: 2 })
      const { ask, askAll, askTo } = pool as unknown as Record<"ask" | "askAll" | "askTo", Untyped>
      for (const asked of [ask("a", "Handeld"), askTo("Meek/0", "Handeld"), askAll("Handeld")]) {
        const error = yield* Effect.flip(asked)
        assert.instanceOf(error, SendError)
        assert.strictEqual(error.reason, "Encode")
        assert.strictEqual(
          error.message,
          'channel Meek: not sent (Encode): no request "Handeld"; there are Handled, Count'
        )
      }
      assert.strictEqual(yield* pool.ask("a", "Handled", undefined), 0)
    }).pipe(Effect.scoped, Effect.provide(backend))
  )

  it.effect("of a key that is none is a PartitionError", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Meek, { size: 2 })
      for (const key of [undefined, null, {}, true]) {
        const error = yield* Effect.flip(pool.ask(key as never, "Handled", undefined))
        assert.strictEqual(error._tag, "PartitionError", String(key))
        assert.include(error.message, "a key is a string, a number or a bigint")
      }
    }).pipe(Effect.scoped, Effect.provide(backend))
  )

  it.effect("and timeouts that are no durations, are SendErrors too", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Meek, { size: 1 })
      const [message] = [{ word: "a", count: 1 }]
      const worker = yield* pool.sender("Meek/0")
      const client = yield* WorkerPool.connect(Meek, pool.handle)
      const far = yield* client.sender("Meek/0")
      for (const given of ["1 fortnight", Number.NaN, "soon"]) {
        const timeout = given as "1 second"
        const refused = [
          pool.ask("a", "Handled", undefined, { timeout }),
          Stream.runDrain(pool.ask("a", "Count", { to: 3 }, { timeout })),
          pool.send(message, { timeout }),
          pool.sendTo("Meek/0", message, { timeout }),
          pool.broadcast(message, { timeout }),
          worker.sendWithin(message, timeout),
          far.sendWithin(message, timeout)
        ]
        for (const [at, sending] of refused.entries()) {
          const error = yield* Effect.flip(sending as Effect.Effect<unknown, { readonly message: string }>)
          assert.instanceOf(error, SendError, `${at}`)
          assert.include(error.message, `timeout ${String(timeout)}: a duration, such as "5 seconds"`)
        }
      }
    }).pipe(Effect.scoped, Effect.provide(backend))
  )
})

describe("a broadcast", () => {
  it.effect("reaches those that have no room yet, although another is not running", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Meek, { size: 3, capacity: 1 })
      yield* (yield* pool.worker("Meek/1")).stop
      const full = yield* pool.worker("Meek/2")
      yield* full.pause
      yield* full.send({ word: "a", count: 1 })
      const message = { word: "b", count: 1 }
      const sending = yield* Effect.forkChild(Effect.flip(pool.broadcast(message)), { startImmediately: true })
      yield* full.resume
      const error = yield* Fiber.join(sending)
      assert.strictEqual(error._tag === "WorkerNotRunning" ? error.worker : error._tag, "Meek/1")
      assert.deepStrictEqual(error._tag === "WorkerNotRunning" ? error.unsent : [], [message])
      assert.strictEqual(yield* pool.askTo("Meek/0", "Handled", undefined), 1)
      assert.strictEqual(yield* pool.askTo("Meek/2", "Handled", undefined), 2)
    }).pipe(Effect.scoped, Effect.provide(backend))
  )
})

describe("a pool that is not made", () => {
  it.effect("leaves no channel open, also while the scope that it was to be made in lives", () =>
    Effect.gen(function* () {
      const { make } = Mesh
      const made: Array<Mesh> = []
      Mesh.make = (...args) => {
        const mesh = make.apply(Mesh, args)
        made.push(mesh)
        return mesh
      }
      const partitioner = Partitioner.weighted({ "Meek/0": -1 } as never)
      const error = yield* Effect.ensuring(
        Effect.flip(WorkerPool.make(Meek, { size: 2, partitioner })),
        Effect.sync(() => void (Mesh.make = make))
      )
      assert.strictEqual(error._tag, "InvalidConfig")
      assert.isAtLeast(made.length, 3)
      for (const [index, mesh] of made.entries()) assert.isTrue(mesh.isShut, `mesh ${index}`)
    }).pipe(Effect.scoped, Effect.provide(backend))
  )

  it.effect("because of what is no lack of memory is a defect", () =>
    Effect.gen(function* () {
      const { make } = Mesh
      let left = 3
      Mesh.make = (...args) => {
        if (--left === 0) throw new TypeError("no mesh today")
        return make.apply(Mesh, args)
      }
      const exit = yield* Effect.ensuring(
        Effect.exit(WorkerPool.make(Meek, { size: 2 })),
        Effect.sync(() => void (Mesh.make = make))
      )
      assert.include(String(exit), "no mesh today")
      assert.notInclude(String(exit), "capacityBytes")
    }).pipe(Effect.scoped, Effect.provide(backend))
  )
})

describe("replies whose memory is no ring any more", () => {
  it.effect("fail all who wait, and whoever asks later, and are read no more", () =>
    Effect.gen(function* () {
      const pending = new Pending("meek", 1, "park")
      const settled: Array<Effect.Effect<unknown, unknown>> = []
      pending.add({
        member: undefined as unknown as Member,
        request: undefined as never,
        settle: (effect) => void settled.push(effect),
        taker: undefined,
        id: 0,
        payload: undefined,
        key: 0,
        find: undefined,
        number: undefined,
        begun: false
      })
      pending.mesh.memory.i32[laneControlIndex(pending.mesh.senders, 1, 0) + LaneControl.write] = 1 << 30
      yield* pending.run
      assert.strictEqual(settled.length, 1)
      const error = yield* Effect.flip(settled[0])
      assert.strictEqual((error as { readonly _tag: string })._tag, "ReceiveError")
      assert.strictEqual(pending.fault, error)
      pending.close()
    })
  )
})

describe("replies of workers that are all dead", () => {
  it.live("are waited for asleep: somebody may start one", () =>
    Effect.gen(function* () {
      const pending = new Pending("meek", 1, "park")
      const { mesh } = pending
      const owner = ThreadIdentity.makeVirtual()
      mesh.claim(0, owner)
      mesh.bury(owner)
      const reading = yield* Effect.forkChild(pending.run)
      const bell = endpointIndex(mesh.receiverEndpoint(0)) + Endpoint.bell
      yield* Effect.timeout(
        Poll.until(() => Doorbell.isArmed(mesh.memory, bell)),
        "5 seconds"
      )
      yield* Fiber.interrupt(reading)
      pending.close()
    })
  )
})
