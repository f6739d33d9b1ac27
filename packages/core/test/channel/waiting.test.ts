import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as SharedChannel from "../../src/channel/SharedChannel.ts"
import { Waiter, WaitStrategy } from "../../src/channel/WaitStrategy.ts"
import { ByteMemory } from "../../src/ring/ByteMemory.ts"
import * as Doorbell from "../../src/ring/Doorbell.ts"
import type { Waitable } from "../../src/ring/Sleep.ts"

class Switch implements Waitable {
  readonly memory = new ByteMemory(new SharedArrayBuffer(64))
  readonly bell = 3
  on = false
  ready() {
    return this.on
  }
  arm() {
    Doorbell.arm(this.memory, this.bell)
  }
  parked() {}
  turnOn() {
    this.on = true
    Doorbell.ring(this.memory, this.bell)
  }
  /** How many native waits are pending. */
  get sleepers() {
    return Atomics.notify(this.memory.i32, this.bell)
  }
}

interface CpuUsage {
  readonly user: number
  readonly system: number
}

declare const process: { getActiveResourcesInfo(): Array<string>; threadCpuUsage(since?: CpuUsage): CpuUsage }

const pendingHandles = () =>
  process.getActiveResourcesInfo().filter((name) => name === "Timeout" || name === "Immediate").length

describe.each(WaitStrategy.literals)("%s", (strategy) => {
  it.live("ends every wait at the same bell", () =>
    Effect.gen(function* () {
      const target = new Switch()
      const waiter = new Waiter(target, strategy)
      const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(waiter.wait(true)))
      yield* Effect.sleep(2)
      target.turnOn()
      yield* Fiber.joinAll(fibers)
      assert.strictEqual(target.sleepers, 0)
    })
  )

  it.live("leaves nothing behind when it is interrupted 10,000 times", () =>
    Effect.gen(function* () {
      const target = new Switch()
      const waiter = new Waiter(target, strategy)
      const before = pendingHandles()
      // A thread that sleeps as a whole is interrupted at its next turn.
      const count = strategy === "block" ? 20 : 10_000
      for (let i = 0; i < count; i++) {
        const fiber = yield* Effect.forkChild(waiter.wait(true), { startImmediately: true })
        yield* Fiber.interrupt(fiber)
      }
      assert.strictEqual(target.sleepers, 0)
      assert.isAtMost(pendingHandles(), before)
    })
  )
})

describe("a parked channel", () => {
  // The benchmark says how much less it is on a quiet machine.
  it.live("costs less than a fiftieth of a core", () =>
    Effect.gen(function* () {
      const channel = yield* SharedChannel.spsc(Schema.Int)
      const receiver = yield* SharedChannel.attachReceiver(Schema.Int, channel.receiver)
      yield* Effect.forkScoped(receiver.receive)
      yield* Effect.sleep(200)
      const seconds = 3
      const before = process.threadCpuUsage()
      yield* Effect.sleep(seconds * 1000)
      const { system, user } = process.threadCpuUsage(before)
      assert.isBelow((system + user) / 1e6 / seconds, 0.02)
    })
  )
})

describe("two fibers", () => {
  it.live("that wait for room of one sender both find it", () =>
    Effect.gen(function* () {
      const channel = yield* SharedChannel.spsc(Schema.Int, { capacity: 1 })
      const receiver = yield* SharedChannel.attachReceiver(Schema.Int, channel.receiver)
      const sender = yield* SharedChannel.attachSender(Schema.Int, channel.sender)
      const fibers = yield* Effect.forEach([0, 1, 2, 3], (n) => Effect.forkChild(sender.send(n)))
      const got = [yield* receiver.receive, yield* receiver.receive, yield* receiver.receive, yield* receiver.receive]
      yield* Fiber.joinAll(fibers)
      assert.deepStrictEqual(got.toSorted(), [0, 1, 2, 3])
    })
  )
})
