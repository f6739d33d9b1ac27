import { assert, describe, it } from "@effect/vitest"
import * as SharedChannel from "@shared-nothing/core/SharedChannel"
import * as WorkerPool from "@shared-nothing/core/WorkerPool"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as NodeWorkers from "../../src/NodeWorkers.ts"
import { Holder } from "./Holder.ts"

const threads = NodeWorkers.layerThreads([Holder, new URL("./Holder.worker.ts", import.meta.url)])

describe("a worker of a pool", () => {
  it.live("that is killed while it holds a sender ends whoever is blocked on it with SenderDied", () =>
    Effect.gen(function* () {
      const channel = yield* SharedChannel.mpsc(Schema.String)
      const receiver = yield* SharedChannel.attachReceiver(Schema.String, channel.receiver)
      const pool = yield* WorkerPool.make(Holder, { size: 1 })
      yield* pool.send({ key: "a", to: channel.sender })
      assert.strictEqual(yield* receiver.receive, "attached")
      const waiting = yield* Effect.forkChild(Effect.flip(receiver.receive), { startImmediately: true })
      const worker = yield* pool.worker("Holder/0")
      yield* worker.kill
      assert.strictEqual((yield* Fiber.join(waiting)).reason, "SenderDied")
    }).pipe(Effect.scoped, Effect.provide(threads))
  )
})
