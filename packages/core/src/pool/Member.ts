/**
 * One worker as its pool sees it: the mailbox, the way into it, and whether somebody reads it.
 *
 * The mailbox belongs to the pool. A worker that dies leaves it as it is.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { Room } from "../channel/Ends.ts"
import { FrameWriter } from "../channel/FrameWriter.ts"
import * as ThreadIdentity from "../channel/ThreadIdentity.ts"
import { Waiter, type WaitStrategy } from "../channel/WaitStrategy.ts"
import { WorkerNotRunning, type WorkerPanicked } from "../errors/Errors.ts"
import { Command, ControlBlock } from "../ring/ControlBlock.ts"
import { Mesh } from "../ring/Mesh.ts"
import { SenderPort } from "../ring/SenderPort.ts"
import { Envelope, EnvelopeKind } from "../worker/Envelope.ts"
import type { RequestWire, Wire } from "../worker/Wire.ts"
import type { WorkerProcess } from "../worker/Workers.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface MailboxOptions {
  readonly capacity: number
  readonly laneBytes: number
  readonly wait: WaitStrategy
}

/**
 * @category models
 * @since 0.1.0
 */
export class Member {
  readonly id: string
  readonly index: number
  readonly mesh: Mesh
  readonly receiverSlot: number
  readonly control = ControlBlock.make()
  process: WorkerProcess | undefined
  /** Why nobody reads the mailbox; undefined while somebody does. */
  ended: WorkerPanicked | "stopped" | undefined
  private readonly writer: FrameWriter
  private readonly waiter: Waiter
  private readonly drain: Waiter
  private readonly messages: Envelope<unknown>
  private readonly requests: ReadonlyArray<Envelope<unknown>>
  private count = 0

  constructor(id: string, index: number, wire: Wire, options: MailboxOptions) {
    this.id = id
    this.index = index
    this.mesh = Mesh.make({
      senders: 1,
      receivers: 1,
      laneBytes: options.laneBytes,
      laneMessages: options.capacity,
      fingerprint: wire.message.fingerprint,
      awaitSuccessor: true,
      id: [(Math.random() * 2 ** 32) | 0, (Math.random() * 2 ** 32) | 0]
    })
    this.receiverSlot = this.mesh.reserve("receiver")
    this.writer = new FrameWriter(SenderPort.attach(this.mesh, this.mesh.reserve("sender"), ThreadIdentity.current()))
    this.waiter = new Waiter(new Room(this.writer), options.wait)
    const { port } = this.writer
    this.drain = new Waiter(
      {
        memory: this.mesh.memory,
        bell: port.bell,
        ready: () => this.depth === 0 || this.ended !== undefined,
        arm: () => port.arm(),
        parked: () => {}
      },
      options.wait
    )
    this.messages = new Envelope(wire.message)
    this.requests = wire.requests.map((request) => new Envelope(request.payload))
  }

  /** Puts a message into the mailbox; false if there is no room. Throws what the codec throws. */
  write(message: unknown, timestamp: number): boolean {
    const envelope = this.messages
    envelope.id = this.count
    envelope.detail = 0
    envelope.timestamp = timestamp
    if (!this.writer.write(envelope, message, EnvelopeKind.Message)) return false
    this.count = (this.count + 1) | 0
    return true
  }

  /** Puts a request into the mailbox and publishes it; false if there is no room. */
  request(id: number, request: RequestWire, payload: unknown, timestamp: number): boolean {
    const envelope = this.requests[request.index]
    envelope.id = id
    envelope.detail = request.index
    envelope.timestamp = timestamp
    if (!this.writer.write(envelope, payload, EnvelopeKind.Request)) return false
    this.writer.publish()
    return true
  }

  publish(): void {
    this.writer.publish()
  }

  /** Waits until the message that found no room would find it, or the worker ended. */
  get room(): Effect.Effect<void> {
    return this.waiter.wait(true)
  }

  /** Waits until the mailbox is empty, or the worker ended. */
  get empty(): Effect.Effect<void> {
    return this.drain.wait(true)
  }

  /** Whether somebody reads the mailbox and has something to read. */
  get working(): boolean {
    return this.ended === undefined && this.depth > 0
  }

  /** Messages in the mailbox. */
  get depth(): number {
    return this.writer.port.depth
  }

  command(command: number): void {
    this.control.command = command
    this.mesh.ring(this.mesh.receiverEndpoint(this.receiverSlot))
  }

  /** Nobody reads the mailbox any more: whoever waits for room learns so. */
  end(why: WorkerPanicked | "stopped"): void {
    this.ended = why
    this.mesh.shut()
  }

  notRunning(operation: string, unsent: ReadonlyArray<unknown>): WorkerNotRunning | WorkerPanicked {
    return this.ended === undefined || this.ended === "stopped"
      ? new WorkerNotRunning({ worker: this.id, state: this.control.statusName, operation, unsent: [...unsent] })
      : this.ended
  }

  stop(): void {
    this.command(Command.Stop)
  }
}
