/**
 * Requests that wait for their reply, by number. Every one is settled: by its reply, by the end of
 * the worker that it went to, or by the end of the pool.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { Mail } from "../channel/Ends.ts"
import { FrameReader } from "../channel/FrameReader.ts"
import * as Registry from "../channel/Registry.ts"
import * as ThreadIdentity from "../channel/ThreadIdentity.ts"
import { Waiter, type WaitStrategy } from "../channel/WaitStrategy.ts"
import { ReceiveError, type WorkerNotRunning, type WorkerPanicked } from "../errors/Errors.ts"
import { Kind } from "../ring/Frame.ts"
import { Mesh } from "../ring/Mesh.ts"
import { ReceiverPort } from "../ring/ReceiverPort.ts"
import { Envelope, makeHead, readHead, ReplyStatus } from "../worker/Envelope.ts"
import * as Wire from "../worker/Wire.ts"
import type { Member } from "./Member.ts"

/**
 * What a request can fail with besides its own error.
 *
 * @category models
 * @since 0.1.0
 */
export type AskFailure = WorkerPanicked | WorkerNotRunning | ReceiveError

/**
 * Whoever waits for a reply. A streaming reply calls `chunk` any number of times before it settles.
 *
 * @category models
 * @since 0.1.0
 */
export interface Asker {
  readonly member: Member
  readonly request: Wire.RequestWire
  readonly settle: (effect: Effect.Effect<unknown, unknown>) => void
  readonly chunk?: (elements: ReadonlyArray<unknown>) => void
  /** Number of the request in its lane; undefined if it has none yet. */
  number?: number | undefined
  /** Whether a part of the answer has come. */
  begun?: boolean
}

/** Bytes of the replies' ring for each worker. */
const laneBytes = 262_144

/**
 * @category models
 * @since 0.1.0
 */
export class Pending {
  readonly mesh: Mesh
  private readonly pool: string
  private readonly askers = new Map<number, Asker>()
  private readonly reader: FrameReader
  private readonly waiter: Waiter
  private readonly head = makeHead()
  private readonly envelopes = new Map<object, Envelope<unknown>>()
  private readonly panics = new Envelope(Wire.panic)
  private next = 0
  /** Told what a worker reports without being asked: the number of its place, and what. */
  onReport: (place: number, status: number, reader: FrameReader) => void = () => {}

  constructor(pool: string, places: number, wait: WaitStrategy) {
    this.pool = pool
    this.mesh = Mesh.make({
      senders: places,
      receivers: 1,
      laneBytes,
      laneMessages: 0,
      fingerprint: [0, 0],
      awaitSuccessor: false,
      id: [(Math.random() * 2 ** 32) | 0, (Math.random() * 2 ** 32) | 0]
    })
    Registry.add(this.mesh)
    const slot = this.mesh.reserve("receiver")
    this.reader = new FrameReader(ReceiverPort.attach(this.mesh, slot, ThreadIdentity.current()))
    this.waiter = new Waiter(new Mail(this.reader), wait)
  }

  get size(): number {
    return this.askers.size
  }

  /** Number of the last request. */
  get last(): number {
    return this.next
  }

  add(asker: Asker): number {
    this.next = (this.next + 1) | 0
    this.askers.set(this.next, asker)
    return this.next
  }

  remove(id: number): void {
    this.askers.delete(id)
  }

  /** Settles every request that went to `member`, or every one, with a failure. */
  fail(member: Member | undefined, error: (asker: Asker) => AskFailure): void {
    for (const [id, asker] of this.askers) {
      if (member !== undefined && asker.member !== member) continue
      this.askers.delete(id)
      asker.settle(Effect.fail(error(asker)))
    }
  }

  /**
   * Settles the requests that a worker's successor will not answer: those that were acknowledged, and
   * answers that were cut off half way.
   */
  failLost(member: Member, error: (asker: Asker) => AskFailure): void {
    for (const [id, asker] of this.askers) {
      if (asker.member !== member) continue
      const lost = asker.begun === true || (asker.number !== undefined && member.isAcked(asker.number))
      if (!lost) continue
      this.askers.delete(id)
      asker.settle(Effect.fail(error(asker)))
    }
  }

  /** Reads replies for as long as the pool lives. */
  readonly run: Effect.Effect<never> = Effect.suspend(() => {
    this.drain()
    return Effect.flatMap(this.waiter.wait(false), () => this.run)
  })

  /** Reads the replies that are there. */
  drain(): void {
    const { reader } = this
    for (;;) {
      let kind: number
      try {
        kind = reader.next()
      } catch (fault) {
        // Memory that is no frame any more cannot be passed: nothing more can come from it.
        this.fail(undefined, () => this.corrupt(fault))
        return
      }
      if (kind === Kind.Empty) break
      this.reply()
      reader.advance()
    }
    reader.port.publishRead()
    reader.port.ack()
  }

  private reply(): void {
    const { head, reader } = this
    reader.readWith((memory, offset, end) => readHead(head, memory, offset, end))
    const { detail, id } = head
    if (detail >= ReplyStatus.Failed) return this.onReport(reader.port.sender, detail, reader)
    const asker = this.askers.get(id)
    // Interrupted since, or asked by a life that ended: nobody wants it.
    if (asker === undefined) return
    const { request } = asker
    try {
      switch (detail) {
        case ReplyStatus.Success:
          return this.settle(id, asker, Effect.succeed(reader.read(this.envelope(request.success))))
        case ReplyStatus.Failure:
          return this.settle(id, asker, Effect.fail(reader.read(this.envelope(request.error!))))
        case ReplyStatus.Panic:
          return this.settle(id, asker, Effect.fail(reader.read(this.panics)))
        case ReplyStatus.Chunk:
          asker.begun = true
          return asker.chunk?.(reader.read(this.envelope(request.success)) as ReadonlyArray<unknown>)
        default:
          return this.settle(id, asker, Effect.void)
      }
    } catch (cause) {
      this.settle(id, asker, Effect.fail(this.corrupt(cause)))
    }
  }

  private settle(id: number, asker: Asker, effect: Effect.Effect<unknown, unknown>): void {
    this.askers.delete(id)
    asker.settle(effect)
  }

  private envelope(codec: Wire.RequestWire["success"]): Envelope<unknown> {
    let envelope = this.envelopes.get(codec)
    if (envelope === undefined) {
      envelope = new Envelope(codec)
      this.envelopes.set(codec, envelope)
    }
    return envelope
  }

  private corrupt(cause: unknown): ReceiveError {
    return new ReceiveError({
      channel: `${this.pool}: replies`,
      reason: "Decode",
      detail: cause instanceof Error ? cause.message : String(cause)
    })
  }

  close(): void {
    this.reader.close()
    this.mesh.shut()
    Registry.remove(this.mesh)
  }
}
