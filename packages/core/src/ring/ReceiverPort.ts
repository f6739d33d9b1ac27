/**
 * A receiver's end of a mesh: one lane from each sender, polled fairly, plus the lanes of
 * receivers that closed and left messages behind (`adopt`).
 *
 * @since 0.1.0
 */
import * as Counter from "./Counter.ts"
import * as Doorbell from "./Doorbell.ts"
import { Kind } from "./Frame.ts"
import { Endpoint, EndpointState, endpointIndex } from "./layout.ts"
import type { LaneConsumer } from "./LaneConsumer.ts"
import type { Decoder } from "./Run.ts"
import type { Mesh } from "./Mesh.ts"

/**
 * Whether more can come: yes, no because every sender closed, or no because the senders that did
 * not close are dead.
 *
 * @category models
 * @since 0.1.0
 */
export type ReceiveStatus = "open" | "closed" | "sender-died"

/**
 * How far a lane was passed: what `ackTo` takes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Mark {
  readonly position: number
  readonly count: number
}

/** Messages taken from one lane before the next has its turn. */
const quantum = 256

/**
 * @category models
 * @since 0.1.0
 */
export class ReceiverPort {
  readonly mesh: Mesh
  readonly slot: number
  private readonly owner: number
  private readonly columns: Array<number>
  private readonly lanes: Array<LaneConsumer> = []
  private readonly laneSenders: Array<number> = []
  private readonly held: Array<number> = []
  /** How many of the first lanes go before all others, the first before the second. */
  urgent = 0
  /** How many of the first lanes are read; others wait. */
  reads = Infinity
  /** The index after the last that `take` filled, also when it threw. */
  reached = 0
  private polled = 0
  private turn = 0
  /** The lane whose turn it is: a field, as it is asked for several times a message. */
  private current: LaneConsumer | undefined
  private left = 0
  private closed = false
  private waits: number

  private constructor(mesh: Mesh, slot: number, owner: number) {
    this.mesh = mesh
    this.slot = slot
    this.owner = owner
    this.columns = [slot]
    this.waits = Counter.resume(mesh.memory, endpointIndex(mesh.receiverEndpoint(slot)) + Endpoint.waits)
    this.extend()
  }

  /** Claims receiver `slot` for thread `owner`; throws a `refused` fault if it is not to be had. */
  static attach(mesh: Mesh, slot: number, owner: number): ReceiverPort {
    mesh.claim(mesh.receiverEndpoint(slot), owner)
    try {
      return new ReceiverPort(mesh, slot, owner)
    } catch (fault) {
      mesh.abandon(mesh.receiverEndpoint(slot), owner)
      throw fault
    }
  }

  /** Opens the lanes of senders that were reserved since the last look. */
  private extend(): void {
    const high = this.mesh.highWater
    for (; this.polled < high; this.polled++) {
      for (const column of this.columns) this.open(this.polled, column)
    }
  }

  private open(sender: number, column: number): void {
    this.lanes.push(this.mesh.consumer(sender, column))
    this.laneSenders.push(sender)
    this.held.push(column)
    if (this.lanes.length === 1) this.turnTo(0)
  }

  /**
   * Finds the next frame, looking at each lane in turn, and returns its kind, or 0 when all are
   * empty. `lane` then is the lane it lies in. Finds the same frame again until `advance`.
   *
   * Before each message urgent lanes are looked at by hints. A late one is made up for: 0 is said after an atomic look
   * at every lane, and no lane has more than its quantum before the others are looked at so.
   */
  next(): number {
    if (this.urgent > 0) this.prefer()
    if (this.left > 0) {
      const kind = this.lane.next()
      if (kind !== Kind.Empty) return kind
    }
    return this.search()
  }

  /** Gives the turn to the first urgent lane that has something. */
  private prefer(): void {
    for (let i = 0; i < this.urgent && i < this.lanes.length; i++) {
      if (!this.lanes[i].seemsEmpty) return this.turnTo(i)
    }
  }

  /** Looks at each lane that is read once, whose turn it is last. */
  private search(): number {
    const lanes = Math.min(this.lanes.length, this.reads)
    for (let tried = 0; tried < lanes; tried++) {
      this.turnTo(this.turn + 1 >= lanes ? 0 : this.turn + 1)
      const kind = this.lane.next()
      if (kind !== Kind.Empty) return kind
    }
    return Kind.Empty
  }

  private turnTo(laneIndex: number): void {
    this.turn = laneIndex
    this.current = this.lanes[laneIndex]
    this.left = quantum
  }

  /** The lane that `next` found a frame in. */
  get lane(): LaneConsumer {
    return this.current!
  }

  /** The number of that lane among all that this receiver has polled: stable, from 0. */
  get laneIndex(): number {
    return this.turn
  }

  /** The sender slot at the other end of that lane. */
  get sender(): number {
    return this.laneSenders[this.turn]
  }

  /** The receiver slot that the lane belongs to: this one's, or an adopted one. */
  get column(): number {
    return this.held[this.turn]
  }

  /** Whether nothing is to be found in one lane, by an atomic look: for whoever sleeps if so. */
  isEmpty(laneIndex: number): boolean {
    return this.lanes.length <= laneIndex || this.lanes[laneIndex].isEmpty
  }

  /** Passes the frame that `next` found. */
  advance(): void {
    this.lane.advance()
    this.left -= 1
  }

  /**
   * Reads on in the lane that `next` found a frame in, as `LaneConsumer.take` does, as long as it
   * is that lane's turn.
   */
  take<A>(decoder: Decoder<A>, kind: number, out: Array<A>, from: number, to: number): number {
    // Every message looks for more urgent ones first.
    if (this.urgent > 0) return 0
    const { lane } = this
    const before = lane.count
    try {
      return lane.take(decoder, kind, out, from, Math.min(to, from + this.left))
    } finally {
      const taken = (lane.count - before) | 0
      this.left -= taken
      this.reached = from + taken
    }
  }

  /** Publishes how far was read, once a batch, for statistics. */
  publishRead(): void {
    for (let i = 0; i < this.lanes.length; i++) this.lanes[i].publishRead()
  }

  /** Acknowledges everything that was passed, and wakes senders that wait for room. */
  ack(): void {
    for (let i = 0; i < this.lanes.length; i++) {
      if (this.lanes[i].ack()) this.wakeSender(i)
    }
  }

  /** Acknowledges one lane up to a position noted after an `advance`; see `LaneConsumer.ackTo`. */
  ackTo(laneIndex: number, position: number, count: number): void {
    if (this.lanes[laneIndex].ackTo(position, count)) this.wakeSender(laneIndex)
  }

  /** How far each lane was passed, by `laneIndex`. */
  marks(): Array<Mark> {
    return this.lanes.map(({ count, position }) => ({ position, count }))
  }

  /** Whether a lane could be short of room: half of it is not acknowledged, or a sender waits. */
  get pressed(): boolean {
    for (let i = 0; i < this.lanes.length; i++) {
      if (this.lanes[i].crowded) return true
      if (Doorbell.isArmed(this.mesh.memory, this.mesh.bellIndex(this.laneSenders[i]))) return true
    }
    return false
  }

  private wakeSender(laneIndex: number): void {
    const bell = this.mesh.bellIndex(this.laneSenders[laneIndex])
    if (Doorbell.isArmed(this.mesh.memory, bell) && this.lanes[laneIndex].roomy) {
      Doorbell.ring(this.mesh.memory, bell)
    }
  }

  /**
   * What the caller does after every lane was found empty and before it sleeps: looks for new
   * senders and for lanes that a closed receiver left behind. True if there may be work after all.
   */
  scout(): boolean {
    const before = this.lanes.length
    this.extend()
    for (let r = 0; r < this.mesh.receivers; r++) {
      if (r === this.slot || this.columns.includes(r)) continue
      const endpoint = this.mesh.receiverEndpoint(r)
      if (this.mesh.state(endpoint) !== EndpointState.Closed) continue
      if (!this.mesh.adopt(endpoint, this.mesh.receiverEndpoint(this.slot), this.owner)) continue
      this.columns.push(r)
      for (let s = 0; s < this.polled; s++) this.open(s, r)
    }
    return this.lanes.length > before
  }

  /**
   * Whether more can come. Not "open" is final only if every lane is found empty after this was
   * read: a sender publishes before it closes.
   */
  status(): ReceiveStatus {
    if (this.closed || this.mesh.isShut) return "closed"
    let dead = false
    for (let s = 0; s < this.mesh.highWater; s++) {
      const state = this.mesh.state(s)
      if (state === EndpointState.Attached || state === EndpointState.Reserved) return "open"
      if (state === EndpointState.Dead) dead = true
    }
    return dead ? "sender-died" : "closed"
  }

  /** Counts an operation that failed, for statistics. */
  countError(): void {
    const { i32, seam } = this.mesh.memory
    const at = endpointIndex(this.mesh.receiverEndpoint(this.slot)) + Endpoint.errors
    seam.store(i32, at, seam.load(i32, at) + 1)
  }

  /** Word index of the bell that is rung when something was published. */
  get bell(): number {
    return endpointIndex(this.mesh.receiverEndpoint(this.slot)) + Endpoint.bell
  }

  /** Announces a wait for messages; the caller looks once more before it sleeps. */
  arm(): void {
    const at = endpointIndex(this.mesh.receiverEndpoint(this.slot)) + Endpoint.waits
    Counter.publish(this.mesh.memory, at, this.waits + 1, this.waits)
    this.waits += 1
    Doorbell.arm(this.mesh.memory, this.bell)
  }

  disarm(): void {
    Doorbell.disarm(this.mesh.memory, this.bell)
  }

  /** Closes this receiver for good; what it did not acknowledge is left to the others. */
  close(): void {
    if (this.closed) return
    this.closed = true
    for (const column of this.columns) this.mesh.release(this.mesh.receiverEndpoint(column), this.owner)
  }
}
