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
import type { ByteMemory } from "../ring/ByteMemory.ts"
import { Kind } from "../ring/Frame.ts"
import type { Mesh } from "../ring/Mesh.ts"
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
 * Whoever takes a streaming reply: `take` is called any number of times before it settles.
 *
 * @category models
 * @since 0.1.0
 */
export interface Taker {
  readonly take: (elements: ReadonlyArray<unknown>) => void
  /** What was asked last in its name. */
  asker: Asker | undefined
}

/**
 * Whoever waits for a reply.
 *
 * @category models
 * @since 0.1.0
 */
export interface Asker {
  readonly member: Member
  readonly request: Wire.RequestWire
  readonly settle: (effect: Effect.Effect<unknown, unknown>) => void
  readonly taker: Taker | undefined
  /** The number that its reply names. */
  id: number
  /** What to ask once more, whoever has the key then. */
  readonly payload: unknown
  readonly key: number
  readonly find: unknown
  /** Number of the request in its lane; undefined if it has none yet. */
  number: number | undefined
  /** Whether a part of the answer has come. */
  begun: boolean
}

/** Slots for askers to begin with, a power of two. */
const firstSlots = 256

/** Bytes of the replies' ring for each worker. */
const laneBytes = 262_144

/**
 * @category models
 * @since 0.1.0
 */
export class Pending {
  readonly mesh: Mesh
  private readonly pool: string
  /** Each asker at its number modulo the slots; numbers whose slot is taken are passed over. */
  private askers = new Array<Asker | undefined>(firstSlots).fill(undefined)
  private count = 0
  private readonly reader: FrameReader
  private readonly waiter: Waiter
  private readonly head = makeHead()
  /** The successes and the errors of requests, by their index. */
  private readonly successes: Array<Envelope<unknown> | undefined> = []
  private readonly errors: Array<Envelope<unknown> | undefined> = []
  private readonly panics = new Envelope(Wire.panic())
  private next = 0
  /** Why no reply can come any more. */
  fault: ReceiveError | undefined
  /** Whether replies are being settled: whoever gets one may ask again before the next is read. */
  draining = false
  /** Called when all were settled. */
  onDrained: () => void = () => {}
  /** Told of a part of an answer that nobody wants: the number of its worker's place, and that of the request. */
  onStray: (place: number, id: number) => void = () => {}
  /** Told what a worker reports without being asked: the number of its place, and what. */
  onReport: (place: number, status: number, reader: FrameReader) => void = () => {}

  constructor(pool: string, places: number, wait: WaitStrategy) {
    this.pool = pool
    this.mesh = Registry.make({
      // One more than there can ever be workers: while somebody may come, it is not the end.
      senders: places + 1,
      receivers: 1,
      laneBytes,
      laneMessages: 0,
      fingerprint: [0, 0],
      awaitSuccessor: false
    })
    for (let place = 0; place <= places; place++) this.mesh.reserve("sender")
    const slot = this.mesh.reserve("receiver")
    this.reader = new FrameReader(ReceiverPort.attach(this.mesh, slot, ThreadIdentity.current()))
    this.waiter = new Waiter(new Mail(this.reader), wait)
  }

  get size(): number {
    return this.count
  }

  /** Number of the last request. */
  get last(): number {
    return this.next
  }

  add(asker: Asker): number {
    if (2 * this.count >= this.askers.length) this.grow()
    const mask = this.askers.length - 1
    do this.next = (this.next + 1) | 0
    while (this.askers[this.next & mask] !== undefined)
    asker.id = this.next
    this.askers[this.next & mask] = asker
    this.count += 1
    return this.next
  }

  private grow(): void {
    const all = this.askers
    const mask = 2 * all.length - 1
    this.askers = new Array<Asker | undefined>(mask + 1).fill(undefined)
    // Numbers that differ modulo the old length differ modulo twice of it.
    for (const asker of all) if (asker !== undefined) this.askers[asker.id & mask] = asker
  }

  private find(id: number): Asker | undefined {
    const asker = this.askers[id & (this.askers.length - 1)]
    return asker !== undefined && asker.id === id ? asker : undefined
  }

  /** Whether a reply is still to come. */
  awaits(asker: Asker): boolean {
    return this.find(asker.id) === asker
  }

  remove(id: number): void {
    if (this.find(id) === undefined) return
    this.askers[id & (this.askers.length - 1)] = undefined
    this.count -= 1
  }

  /** Settles every request that went to `member`, or every one, with a failure. */
  fail(member: Member | undefined, error: (asker: Asker) => AskFailure): void {
    for (const asker of this.askers.filter((asker) => asker !== undefined)) {
      if (member !== undefined && asker.member !== member) continue
      this.remove(asker.id)
      asker.settle(Effect.fail(error(asker)))
    }
  }

  /**
   * Settles the requests that a worker's successor will not answer: those that were acknowledged, and
   * answers that were cut off half way.
   */
  failLost(member: Member, error: (asker: Asker) => AskFailure): void {
    for (const asker of this.askers.filter((asker) => asker !== undefined)) {
      if (asker.member !== member) continue
      const lost = asker.begun || (asker.number !== undefined && member.isAcked(asker.request, asker.number))
      if (!lost) continue
      this.remove(asker.id)
      asker.settle(Effect.fail(error(asker)))
    }
  }

  /** Settles every request that went to `member` with what asks it once more. */
  reroute(member: Member, again: (asker: Asker) => Effect.Effect<unknown, unknown>): void {
    for (const asker of this.askers.filter((asker) => asker !== undefined)) {
      if (asker.member !== member) continue
      this.remove(asker.id)
      asker.settle(again(asker))
    }
  }

  /** Settles one request with what asks it once more. */
  rerouteOne(id: number, again: (asker: Asker) => Effect.Effect<unknown, unknown>): void {
    const asker = this.find(id)
    if (asker === undefined) return
    this.remove(id)
    asker.settle(again(asker))
  }

  /** Reads replies for as long as the pool lives, or until their memory is none any more. */
  readonly run: Effect.Effect<void> = Effect.suspend(() => {
    this.drain()
    if (this.fault !== undefined) return Effect.void
    return Effect.flatMap(this.waiter.wait(false), () => this.run)
  })

  /** Reads the replies that are there. */
  drain(): void {
    // Whoever is settled may close the pool, which drains once more: the loop below goes on anyway.
    if (this.draining) return
    this.draining = true
    try {
      this.settleAll()
    } finally {
      this.draining = false
      this.onDrained()
    }
  }

  private settleAll(): void {
    const { reader } = this
    for (;;) {
      let kind: number
      try {
        kind = reader.next()
      } catch (fault) {
        // Memory that is no frame any more cannot be passed: nothing more can come from it.
        const error = this.corrupt(fault)
        this.fault = error
        this.fail(undefined, () => error)
        return
      }
      if (kind === Kind.Empty) break
      this.reply()
      reader.advance()
    }
    reader.port.publishRead()
    reader.port.ack()
  }

  private readonly readHead = (memory: ByteMemory, offset: number, end: number): void => {
    readHead(this.head, memory, offset, end)
  }

  private reply(): void {
    const { head, reader } = this
    // A worker took it along when it died: its end settles what was asked of it, and its successor tells the rest again.
    if (reader.isLost) return
    reader.readWith(this.readHead)
    const { detail, id } = head
    if (detail >= ReplyStatus.Failed) return this.onReport(reader.port.sender, detail, reader)
    const asker = this.find(id)
    // Interrupted since, or asked by a life that ended: nobody wants it.
    if (asker === undefined) {
      if (detail === ReplyStatus.Chunk) this.onStray(reader.port.sender, id)
      return
    }
    const { request } = asker
    try {
      switch (detail) {
        case ReplyStatus.Success:
          return this.settle(
            id,
            asker,
            Effect.succeed(reader.read((this.successes[request.index] ??= new Envelope(request.success))))
          )
        case ReplyStatus.Failure:
          return this.settle(
            id,
            asker,
            Effect.fail(reader.read((this.errors[request.index] ??= new Envelope(request.error!))))
          )
        case ReplyStatus.Panic:
          return this.settle(id, asker, Effect.fail(reader.read(this.panics)))
        case ReplyStatus.Chunk:
          asker.begun = true
          return asker.taker?.take(
            reader.read((this.successes[request.index] ??= new Envelope(request.success))) as ReadonlyArray<unknown>
          )
        default:
          return this.settle(id, asker, Effect.void)
      }
    } catch (cause) {
      this.settle(id, asker, Effect.fail(this.corrupt(cause)))
    }
  }

  private settle(id: number, asker: Asker, effect: Effect.Effect<unknown, unknown>): void {
    this.remove(id)
    asker.settle(effect)
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
