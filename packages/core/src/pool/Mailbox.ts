/**
 * A worker's mailbox, and its owner's way into it: a lane for each priority.
 *
 * It belongs to the pool and outlives the worker: what a dead worker did not acknowledge is there
 * for its successor.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { Room } from "../channel/Ends.ts"
import type { FrameCodec } from "../channel/FrameCodec.ts"
import { type Encoded, FrameWriter } from "../channel/FrameWriter.ts"
import type { ReceiverHandle } from "../channel/Handle.ts"
import * as Registry from "../channel/Registry.ts"
import * as ThreadIdentity from "../channel/ThreadIdentity.ts"
import { Waiter, type WaitStrategy } from "../channel/WaitStrategy.ts"
import type { Waitable } from "../ring/Sleep.ts"
import { EndpointState } from "../ring/layout.ts"
import type { Mesh } from "../ring/Mesh.ts"
import { SenderPort } from "../ring/SenderPort.ts"
import type { Attempt } from "../supervision/Attempts.ts"
import { EnvelopeKind } from "../worker/Envelope.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface MailboxOptions {
  readonly name: string
  /** Most messages in a lane. */
  readonly capacity: number
  readonly laneBytes: number
  readonly wait: WaitStrategy
  readonly priorities: number
  /** Lanes for senders in other threads. */
  readonly clients: number
  readonly fingerprint: readonly [number, number]
  /** Keep what finds no room here, at most `capacity` of it, and forget the oldest beyond that. */
  readonly dropOldest: boolean
}

/**
 * What comes from another mailbox: what it has been through, and who is told its number once it lies in its lane.
 *
 * @category models
 * @since 0.1.0
 */
export interface Traveller {
  readonly attempt: Attempt
  readonly onPlaced: (number: number) => void
}

/**
 * What waits outside a ring for room in it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Kept {
  readonly frame: Encoded
  readonly traveller: Traveller | undefined
  /** How many were kept in its lane before. */
  readonly number: number
}

class Way {
  readonly writer: FrameWriter
  readonly room: Waiter
  kept: Array<Kept> = []
  /** How many were kept so far. */
  keptSoFar = 0

  constructor(writer: FrameWriter, wait: WaitStrategy, ended: () => boolean) {
    const room = new Room(writer)
    const target: Waitable = {
      memory: room.memory,
      bell: room.bell,
      ready: () => room.ready() || ended(),
      arm: () => room.arm(),
      parked: (millis) => room.parked(millis)
    }
    this.writer = writer
    this.room = new Waiter(target, wait)
  }
}

/**
 * @category models
 * @since 0.1.0
 */
export class Mailbox {
  readonly mesh: Mesh
  readonly receiver: ReceiverHandle<unknown>
  /** Messages that were forgotten because newer ones came. */
  dropped = 0
  private readonly ways: ReadonlyArray<Way>
  private readonly options: MailboxOptions
  private readonly drain: Waiter
  private closed = false

  constructor(options: MailboxOptions) {
    this.options = options
    this.mesh = Registry.make({
      senders: options.priorities + options.clients,
      receivers: 1,
      laneBytes: options.laneBytes,
      laneMessages: options.capacity,
      fingerprint: options.fingerprint,
      awaitSuccessor: true
    })
    this.receiver = {
      _tag: "ReceiverHandle",
      channel: options.name,
      memory: this.mesh.memory.buffer as SharedArrayBuffer,
      slot: this.mesh.reserve("receiver"),
      wait: options.wait,
      ack: "after"
    }
    const owner = ThreadIdentity.current()
    this.ways = Array.from({ length: options.priorities }, () => {
      const port = SenderPort.attach(this.mesh, this.mesh.reserve("sender"), owner)
      return new Way(new FrameWriter(port, true), options.wait, () => this.closed)
    })
    const { port } = this.ways[0].writer
    this.drain = new Waiter(
      {
        memory: this.mesh.memory,
        bell: port.bell,
        ready: () => this.depth === 0 || this.closed,
        arm: () => port.arm(),
        parked: () => {}
      },
      options.wait
    )
  }

  /** Writes a frame at a priority, the first lane being the most urgent; false if there is no room. */
  write<A>(lane: number, codec: FrameCodec<A>, value: A, kind: number): boolean {
    const way = this.ways[lane]
    if (way.kept.length === 0 && way.writer.write(codec, value, kind)) return true
    if (!this.options.dropOldest) return false
    this.keep(way, codec, value, kind)
    if (way.kept.length > this.options.capacity) this.forgetOldest(way)
    return true
  }

  /** Writes a frame at a priority, or keeps it beside the ring until there is room. */
  push<A>(lane: number, codec: FrameCodec<A>, value: A, kind: number, traveller: Traveller): void {
    const way = this.ways[lane]
    if (way.kept.length > 0 || !way.writer.write(codec, value, kind)) this.keep(way, codec, value, kind, traveller)
    else traveller.onPlaced(way.writer.port.lane()!.lastSequence)
  }

  private keep<A>(way: Way, codec: FrameCodec<A>, value: A, kind: number, traveller?: Traveller): void {
    // A copy of the value as it is now: what waits must not change with it.
    way.kept.push({ frame: way.writer.encode(codec, value, kind), traveller, number: way.keptSoFar })
    way.keptSoFar += 1
  }

  /** Takes back what waits outside the ring and `takes` says so of, in the order of each lane. */
  withdraw(takes: (kept: Kept, lane: number) => boolean): void {
    for (const [lane, way] of this.ways.entries()) way.kept = way.kept.filter((kept) => !takes(kept, lane))
  }

  /** `write` for many messages: returns how many found room. Throws with those before the one to blame written. */
  writeAll<A>(lane: number, codec: FrameCodec<A>, messages: ReadonlyArray<A>, kind: number): number {
    const way = this.ways[lane]
    let index = way.kept.length > 0 ? 0 : way.writer.writeAll(codec, messages, 0, messages.length, kind)
    while (index < messages.length && this.write(lane, codec, messages[index], kind)) index++
    return index
  }

  /** Forgets the oldest message; somebody waits for each request. */
  private forgetOldest(way: Way): void {
    const oldest = way.kept.findIndex(({ frame }) => frame.kind === EnvelopeKind.Message)
    if (oldest < 0) return
    way.kept.splice(oldest, 1)
    this.dropped += 1
  }

  /** The number of the last frame that was written to a lane; undefined if it may be forgotten before it gets there. */
  lastNumber(lane: number): number | undefined {
    const { kept, writer } = this.ways[lane]
    if (kept.length > 0 && this.options.dropOldest) return undefined
    const last = writer.port.lane()?.lastSequence
    return last === undefined ? undefined : (last + kept.length) | 0
  }

  /** How many of its first lanes go before all others. */
  get urgent(): number {
    return this.options.priorities - 1
  }

  /** Most messages in a lane. */
  get capacity(): number {
    return this.options.capacity
  }

  publish(): void {
    for (const way of this.ways) way.writer.publish()
  }

  /** Whether messages wait outside the ring, and `pump` has something to do. */
  get keeps(): boolean {
    return this.ways.some((way) => way.kept.length > 0)
  }

  /** Moves what waits outside the ring into it, until nothing does. */
  readonly pump: Effect.Effect<void> = Effect.suspend(() => {
    const way = this.ways.find((candidate) => candidate.kept.length > 0)
    if (way === undefined || this.closed) return Effect.void
    this.move(way)
    return Effect.flatMap(way.kept.length === 0 ? Effect.void : way.room.wait(true), () => this.pump)
  })

  private move(way: Way): number {
    let moved = 0
    while (moved < way.kept.length && way.writer.writeEncoded(way.kept[moved].frame)) {
      way.kept[moved++].traveller?.onPlaced(way.writer.port.lane()!.lastSequence)
    }
    way.writer.publish()
    way.kept.splice(0, moved)
    return moved
  }

  /** Moves what waits outside the ring into it, as far as there is room; whether that was anything. */
  moveKept(): boolean {
    return this.ways.some((way) => this.move(way) > 0)
  }

  /** Waits until the frame that found no room in a lane would find it, or nobody reads any more. */
  room(lane: number): Effect.Effect<void> {
    return this.ways[lane].room.wait(true)
  }

  /** Waits until nothing that this thread sent is left, or nobody reads any more. */
  get empty(): Effect.Effect<void> {
    return this.drain.wait(true)
  }

  /** Messages that this thread sent and nobody has acknowledged. */
  get depth(): number {
    let depth = 0
    for (const way of this.ways) depth += way.writer.port.depth + way.kept.length
    return depth
  }

  /** Of `depth`, those that the worker has in its hands; about, while it goes on. */
  get taken(): number {
    return Math.min(this.depth, this.takenFrom(this.ways.length))
  }

  /** Messages of so many first lanes, or of all, that the worker has taken and not acknowledged, as far as it has told. */
  takenFrom(lanes = this.mesh.highWater): number {
    let taken = 0
    for (let lane = 0; lane < lanes; lane++) {
      taken += Math.max(0, (this.mesh.handedIn(lane, 0) - this.mesh.ackedIn(lane, 0)) | 0)
    }
    return taken
  }

  /** Messages that nobody has acknowledged, from every thread. */
  get left(): number {
    let left = 0
    for (const way of this.ways) left += way.kept.length
    for (let sender = 0; sender < this.mesh.highWater; sender++) {
      left += (this.mesh.producedIn(sender, 0) - this.mesh.ackedIn(sender, 0)) | 0
    }
    return left
  }

  /** Messages sent so far in each lane, modulo 2^32. */
  get sent(): ReadonlyArray<number> {
    return Array.from({ length: this.mesh.highWater }, (_, sender) => this.mesh.producedIn(sender, 0))
  }

  /**
   * Notes all that has been sent by now, from every thread; the answer tells whether all of it has
   * been handled since.
   */
  horizon(): () => boolean {
    // Requests may be written and not visible yet.
    this.publish()
    const isPlaced = this.placing()
    let lanes: ReadonlyArray<number> | undefined
    return () => {
      // What is kept beside the ring has its place in a lane only once it is moved there.
      if (lanes === undefined && isPlaced()) lanes = this.sent
      return lanes !== undefined && lanes.every((sent, sender) => ((this.mesh.ackedIn(sender, 0) - sent) | 0) >= 0)
    }
  }

  /** Notes what waits outside the ring by now; the answer tells whether all of it has gone into it, or elsewhere. */
  placing(): () => boolean {
    const kept = this.ways.map((way) => way.keptSoFar)
    return () => this.ways.every((way, index) => way.kept.length === 0 || way.kept[0].number >= kept[index])
  }

  /** Whether a client that sends from another thread holds its place. */
  clientIsThere(client: number): boolean {
    return this.mesh.state(this.options.priorities + client) === EndpointState.Attached
  }

  /** Whether clients may send from other threads now. */
  get hasClients(): boolean {
    return Array.from({ length: this.options.clients }, (_, client) => this.clientIsThere(client)).includes(true)
  }

  /** Wakes the worker, so that it looks at its commands. */
  ring(): void {
    this.mesh.ring(this.mesh.receiverEndpoint(this.receiver.slot))
  }

  /** Whether somebody reads: whoever waits for room learns when nobody does. */
  set open(value: boolean) {
    this.closed = !value
    if (!value) this.mesh.ringAll()
  }

  /** Ends it, for everybody. */
  close(): void {
    this.open = false
    this.mesh.shut()
    Registry.remove(this.mesh)
  }
}
