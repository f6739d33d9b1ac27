/**
 * The owner's way to tell a worker how far its streaming answers are taken: see `Signals`.
 *
 * What finds no room is kept, the last word about each request, until there is some.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { Room } from "../channel/Ends.ts"
import { FrameWriter } from "../channel/FrameWriter.ts"
import type { ReceiverHandle } from "../channel/Handle.ts"
import * as Registry from "../channel/Registry.ts"
import * as ThreadIdentity from "../channel/ThreadIdentity.ts"
import { Waiter } from "../channel/WaitStrategy.ts"
import { Kind } from "../ring/Frame.ts"
import type { Mesh } from "../ring/Mesh.ts"
import { SenderPort } from "../ring/SenderPort.ts"
import * as Signals from "../worker/Signals.ts"

/**
 * @category models
 * @since 0.1.0
 */
export class SignalLane {
  readonly receiver: ReceiverHandle<unknown>
  private readonly mesh: Mesh
  private readonly writer: FrameWriter
  private readonly room: Waiter
  private readonly kept = new Map<number, number>()
  private readonly startPump: (pump: Effect.Effect<void>) => void
  private readonly signal: Signals.Signal = { request: 0, taken: 0 }

  /** @param startPump runs an Effect for as long as the pool lives */
  constructor(channel: string, startPump: (pump: Effect.Effect<void>) => void) {
    this.mesh = Registry.make({
      senders: 1,
      receivers: 1,
      laneBytes: Signals.laneBytes,
      laneMessages: 0,
      fingerprint: [0, 0],
      awaitSuccessor: true
    })
    this.receiver = {
      _tag: "ReceiverHandle",
      channel,
      memory: this.mesh.memory.buffer as SharedArrayBuffer,
      slot: this.mesh.reserve("receiver"),
      wait: "park",
      ack: "after"
    }
    this.writer = new FrameWriter(SenderPort.attach(this.mesh, this.mesh.reserve("sender"), ThreadIdentity.current()))
    this.room = new Waiter(new Room(this.writer), "park")
    this.startPump = startPump
  }

  /** Tells how many parts of an answer were taken. */
  taken(request: number, parts: number): void {
    this.tell(request, parts & 0x7fffffff)
  }

  private tell(request: number, parts: number): void {
    if (this.kept.size > 0 || !this.write(request, parts)) {
      if (this.kept.size === 0) this.startPump(this.pump)
      this.kept.set(request, parts)
    }
    this.writer.publish()
  }

  /** Tells that nobody wants the rest of an answer. */
  left(request: number): void {
    this.tell(request, Signals.left)
  }

  private write(request: number, taken: number): boolean {
    this.signal.request = request
    this.signal.taken = taken
    return this.writer.write(Signals.codec, this.signal, Kind.Data)
  }

  private readonly pump: Effect.Effect<void> = Effect.suspend(() => {
    for (const [request, taken] of this.kept) {
      if (!this.write(request, taken)) break
      this.kept.delete(request)
    }
    this.writer.publish()
    if (this.kept.size === 0 || this.writer.port.status() !== "open") return Effect.void
    return Effect.flatMap(this.room.wait(false), () => this.pump)
  })

  close(): void {
    this.kept.clear()
    this.mesh.shut()
    Registry.remove(this.mesh)
  }
}
