/**
 * The memory of a channel: endpoints for `S` senders and `R` receivers and one lane between each
 * pair. Every flavour of channel is a mesh: SPSC is 1 × 1, MPSC is S × 1, MPMC is S × R.
 *
 * Endpoints are claimed by compare-and-swap, once per attachment; messages never are. A claim
 * that its thread did not survive is marked `Dead` by whoever learns of the death, and the next
 * claim continues the lanes where their cursors stand.
 *
 * @since 0.1.0
 */
import { native, type Seam } from "./atomics.ts"
import { ByteMemory } from "./ByteMemory.ts"
import * as Doorbell from "./Doorbell.ts"
import { Kind, unitsOf } from "./Frame.ts"
import { LaneConsumer } from "./LaneConsumer.ts"
import {
  adoptedBy,
  attachedBy,
  closedBy,
  Endpoint,
  EndpointState,
  endpointIndex,
  flagAwaitSuccessor,
  Header,
  LaneControl,
  laneControlIndex,
  laneDataOffset,
  magic,
  maxBytes,
  ownerOf,
  stateOf,
  totalBytes,
  version
} from "./layout.ts"
import { LaneProducer } from "./LaneProducer.ts"
import { RingFault } from "./RingFault.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface MeshOptions {
  /** Sender slots, at least 1. */
  readonly senders: number
  /** Receiver slots, at least 1. */
  readonly receivers: number
  /** Bytes of data of one lane, a power of two from 64 to 2^28. */
  readonly laneBytes: number
  /** The most unacknowledged messages in one lane; 0 is no limit but the bytes. */
  readonly laneMessages: number
  /** Two 32-bit halves of the schema's fingerprint. */
  readonly fingerprint: readonly [number, number]
  /** Whether senders wait for the successor of a dead receiver instead of failing. */
  readonly awaitSuccessor: boolean
  /** Two random 32-bit words that name this mesh among all others; zero where nothing travels beside it. */
  readonly id?: readonly [number, number]
}

const isPowerOfTwo = (n: number): boolean => n > 0 && (n & (n - 1)) === 0

/**
 * @category models
 * @since 0.1.0
 */
export class Mesh {
  readonly memory: ByteMemory
  readonly senders: number
  readonly receivers: number
  readonly laneBytes: number
  readonly laneMessages: number
  readonly fingerprint: readonly [number, number]
  readonly awaitSuccessor: boolean
  readonly id: string

  private constructor(memory: ByteMemory) {
    const i32 = memory.i32
    this.memory = memory
    this.senders = i32[Header.senders]
    this.receivers = i32[Header.receivers]
    this.laneBytes = i32[Header.laneBytes]
    this.laneMessages = i32[Header.laneMessages]
    this.fingerprint = [i32[Header.fingerprintLow], i32[Header.fingerprintHigh]]
    this.awaitSuccessor = (i32[Header.flags] & flagAwaitSuccessor) !== 0
    this.id = `${(i32[Header.idLow] >>> 0).toString(36)}-${(i32[Header.idHigh] >>> 0).toString(36)}`
  }

  /** Lays a new mesh out in fresh, zeroed memory; throws a `layout` fault if it would be too large. */
  static make(
    options: MeshOptions,
    allocate: (bytes: number) => ArrayBufferLike = (bytes) => new SharedArrayBuffer(bytes),
    seam: Seam = native
  ): Mesh {
    const bytes = totalBytes(options.senders, options.receivers, options.laneBytes)
    if (bytes > maxBytes) throw new RingFault("layout", `a mesh of ${bytes} bytes; it may have at most ${maxBytes}`)
    const memory = new ByteMemory(allocate(bytes), seam)
    const i32 = memory.i32
    i32[Header.magic] = magic
    i32[Header.version] = version
    i32[Header.fingerprintLow] = options.fingerprint[0]
    i32[Header.fingerprintHigh] = options.fingerprint[1]
    i32[Header.idLow] = options.id?.[0] ?? 0
    i32[Header.idHigh] = options.id?.[1] ?? 0
    i32[Header.senders] = options.senders
    i32[Header.receivers] = options.receivers
    i32[Header.laneBytes] = options.laneBytes
    i32[Header.laneMessages] = options.laneMessages
    i32[Header.flags] = options.awaitSuccessor ? flagAwaitSuccessor : 0
    for (let e = 0; e < options.senders + options.receivers; e++) {
      i32[endpointIndex(e) + Endpoint.bellOf] = e
    }
    return new Mesh(memory)
  }

  /** Opens a mesh that another thread made. A header that does not describe this memory is refused. */
  static open(buffer: ArrayBufferLike, seam: Seam = native): Mesh {
    if (buffer.byteLength < 256) {
      throw new RingFault("layout", `${buffer.byteLength} bytes are too few for a channel's header`, 0)
    }
    if (buffer.byteLength > maxBytes) {
      throw new RingFault("layout", `${buffer.byteLength} bytes are too many; a channel has at most ${maxBytes}`, 0)
    }
    return Mesh.over(new ByteMemory(buffer, seam))
  }

  /** As `open`, over views that exist already. */
  static over(memory: ByteMemory): Mesh {
    const { buffer, i32 } = memory
    if (i32[Header.magic] !== magic || i32[Header.version] !== version) {
      throw new RingFault("layout", "the memory does not begin with a channel's header", 0)
    }
    const senders = i32[Header.senders]
    const receivers = i32[Header.receivers]
    const laneBytes = i32[Header.laneBytes]
    if (
      senders < 1 ||
      receivers < 1 ||
      laneBytes < 64 ||
      !isPowerOfTwo(laneBytes) ||
      i32[Header.laneMessages] < 0 ||
      totalBytes(senders, receivers, laneBytes) !== buffer.byteLength
    ) {
      throw new RingFault(
        "layout",
        `the header names ${senders} senders, ${receivers} receivers and lanes of ${laneBytes} bytes, ` +
          `which does not fit ${buffer.byteLength} bytes`,
        Header.senders << 2
      )
    }
    return new Mesh(memory)
  }

  /** Number of the endpoint of a receiver slot; that of a sender slot is the slot itself. */
  receiverEndpoint(slot: number): number {
    return this.senders + slot
  }

  /** Reads a word of an endpoint. */
  endpoint(endpoint: number, word: number): number {
    return this.memory.seam.load(this.memory.i32, endpointIndex(endpoint) + word)
  }

  /** One of `EndpointState`. */
  state(endpoint: number): number {
    return stateOf(this.endpoint(endpoint, Endpoint.state))
  }

  /** How many lanes a receiver must look at: sender slots above were never reserved. */
  get highWater(): number {
    return this.memory.seam.load(this.memory.i32, Header.highWater)
  }

  /** Reserves the first free slot in a range of endpoints, so that a handle for it may travel; -1 if none is free. */
  reserve(role: "sender" | "receiver"): number {
    const first = role === "sender" ? 0 : this.senders
    const count = role === "sender" ? this.senders : this.receivers
    for (let slot = 0; slot < count; slot++) {
      if (this.reserveSlot(role, slot, first + slot, [EndpointState.Free])) return slot
    }
    return -1
  }

  /** Reserves one sender slot that is free, or that nobody holds any more; false if it is held. */
  reserveSender(slot: number): boolean {
    return this.reserveSlot("sender", slot, slot, [EndpointState.Free, EndpointState.Closed, EndpointState.Dead])
  }

  private reserveSlot(
    role: "sender" | "receiver",
    slot: number,
    endpoint: number,
    from: ReadonlyArray<number>
  ): boolean {
    const { i32, seam } = this.memory
    const at = endpointIndex(endpoint) + Endpoint.state
    const word = seam.load(i32, at)
    if (!from.includes(stateOf(word))) return false
    if (role === "sender") {
      // Before the state: a receiver that sees the reservation must also poll the lane.
      let high = seam.load(i32, Header.highWater)
      while (high < slot + 1) {
        seam.compareExchange(i32, Header.highWater, high, slot + 1)
        high = seam.load(i32, Header.highWater)
      }
    }
    return seam.compareExchange(i32, at, word, EndpointState.Reserved) === word
  }

  /**
   * Takes an endpoint for `owner`: from `Reserved`, or from `Dead` as its successor. Throws a
   * `refused` fault that says in whose hands it is otherwise.
   */
  claim(endpoint: number, owner: number): void {
    const { i32, seam } = this.memory
    const at = endpointIndex(endpoint) + Endpoint.state
    for (;;) {
      const word = seam.load(i32, at)
      const state = stateOf(word)
      if (state !== EndpointState.Reserved && state !== EndpointState.Dead) {
        throw new RingFault(
          "refused",
          state === EndpointState.Attached
            ? `already attached by thread ${ownerOf(word)}`
            : state === EndpointState.Free
              ? "never reserved"
              : "already closed"
        )
      }
      if (seam.compareExchange(i32, at, word, attachedBy(owner)) === word) break
    }
    this.settle(endpoint, endpoint)
  }

  /**
   * Takes over a receiver's endpoint that was closed, for the holder of another receiver: what was
   * left in its lanes is read by the adopter from then on. False if somebody else was faster.
   */
  adopt(endpoint: number, adopter: number, owner: number): boolean {
    const { i32, seam } = this.memory
    const at = endpointIndex(endpoint) + Endpoint.state
    const word = seam.load(i32, at)
    if (stateOf(word) !== EndpointState.Closed) return false
    if (seam.compareExchange(i32, at, word, adoptedBy(owner)) !== word) return false
    this.settle(endpoint, adopter)
    return true
  }

  private settle(endpoint: number, bellOf: number): void {
    const { i32, seam } = this.memory
    const base = endpointIndex(endpoint)
    seam.add(i32, base + Endpoint.generation, 1)
    // Whoever published before this store is found by the new holder's first look, whoever
    // publishes after it rings the new bell.
    seam.store(i32, base + Endpoint.bellOf, bellOf)
  }

  /**
   * Gives an endpoint that `owner` holds up for good and wakes everybody who may wait on it. The word goes on naming the
   * thread, which may keep what travels beside the lanes.
   */
  release(endpoint: number, owner: number): void {
    this.memory.seam.store(this.memory.i32, endpointIndex(endpoint) + Endpoint.state, closedBy(owner))
    this.ringAll()
  }

  /** Marks an endpoint that `owner` holds as `Dead`: another attachment goes on with it. */
  abandon(endpoint: number, owner: number): boolean {
    const { i32, seam } = this.memory
    const at = endpointIndex(endpoint) + Endpoint.state
    const held = attachedBy(owner)
    return seam.compareExchange(i32, at, held, (owner << 3) | EndpointState.Dead) === held
  }

  /**
   * Marks every endpoint that `owner` holds as `Dead` and wakes everybody; what it had adopted is
   * `Closed` again, for anybody to adopt, and what it had closed is nobody's. Called by whoever learns that the thread is gone, never by
   * the thread itself. Returns how many endpoints it held.
   */
  bury(owner: number): number {
    const { i32, seam } = this.memory
    let found = 0
    for (let e = 0; e < this.senders + this.receivers; e++) {
      const at = endpointIndex(e) + Endpoint.state
      const word = seam.load(i32, at)
      if (word === attachedBy(owner)) {
        if (this.abandon(e, owner)) found++
      } else if (word === adoptedBy(owner) || word === closedBy(owner)) {
        seam.compareExchange(i32, at, word, EndpointState.Closed)
      }
    }
    // Even when nothing was found: it may have died on its way from its last store to a bell.
    for (let e = 0; e < this.senders + this.receivers; e++) {
      Doorbell.wake(this.memory, endpointIndex(e) + Endpoint.bell)
    }
    return found
  }

  /** Gives up waiting for the successor of a dead endpoint; its lanes pass to the other receivers. */
  retire(endpoint: number): boolean {
    const { i32, seam } = this.memory
    const at = endpointIndex(endpoint) + Endpoint.state
    const word = seam.load(i32, at)
    if (stateOf(word) !== EndpointState.Dead) return false
    const done = seam.compareExchange(i32, at, word, EndpointState.Closed) === word
    if (done) this.ringAll()
    return done
  }

  /** Closes the whole mesh: nothing more is accepted, what was published may still be read. */
  shut(): void {
    this.memory.seam.store(this.memory.i32, Header.closed, 1)
    this.ringAll()
  }

  /** Whether the owner closed the whole mesh. */
  get isShut(): boolean {
    return this.memory.seam.load(this.memory.i32, Header.closed) !== 0
  }

  /** Word index of the bell that wakes the holder of an endpoint. */
  bellIndex(endpoint: number): number {
    return endpointIndex(this.endpoint(endpoint, Endpoint.bellOf)) + Endpoint.bell
  }

  /** Wakes the holder of an endpoint, if it sleeps. */
  ring(endpoint: number): void {
    Doorbell.ring(this.memory, this.bellIndex(endpoint))
  }

  ringAll(): void {
    for (let e = 0; e < this.senders + this.receivers; e++) {
      Doorbell.ring(this.memory, endpointIndex(e) + Endpoint.bell)
    }
  }

  /** Messages published in a lane so far, modulo 2^32. */
  producedIn(sender: number, receiver: number): number {
    return this.laneWord(sender, receiver, LaneControl.sent)
  }

  /** Messages acknowledged in a lane so far, modulo 2^32. */
  ackedIn(sender: number, receiver: number): number {
    return this.laneWord(sender, receiver, LaneControl.ackedCount)
  }

  /**
   * Messages handed out in a lane so far, modulo 2^32, as far as its consumer has told: those of them that are not
   * acknowledged are in its hands. For statistics: it may be late, and is wrong while the lane moves past what it sees.
   */
  handedIn(sender: number, receiver: number): number {
    const write = this.laneWord(sender, receiver, LaneControl.write)
    const lane = laneDataOffset(this.senders, this.receivers, this.laneBytes, sender * this.receivers + receiver) >>> 2
    const mask = (this.laneBytes >>> 3) - 1
    let read = this.laneWord(sender, receiver, LaneControl.read)
    const head = this.memory.i32[lane + ((read & mask) << 1)]
    if (read !== write && (head & 15) === Kind.Pad) read = (read + unitsOf(head >>> 4)) | 0
    // The frame that is next has the number of those before it.
    return read === write ? this.producedIn(sender, receiver) : this.memory.i32[lane + ((read & mask) << 1) + 1]
  }

  private laneWord(sender: number, receiver: number, word: number): number {
    const control = laneControlIndex(this.senders, this.receivers, sender * this.receivers + receiver)
    return this.memory.seam.load(this.memory.i32, control + word)
  }

  producer(sender: number, receiver: number): LaneProducer {
    const lane = sender * this.receivers + receiver
    return new LaneProducer(
      this.memory,
      laneControlIndex(this.senders, this.receivers, lane),
      laneDataOffset(this.senders, this.receivers, this.laneBytes, lane),
      this.laneBytes,
      this.laneMessages
    )
  }

  consumer(sender: number, receiver: number): LaneConsumer {
    const lane = sender * this.receivers + receiver
    return new LaneConsumer(
      this.memory,
      laneControlIndex(this.senders, this.receivers, lane),
      laneDataOffset(this.senders, this.receivers, this.laneBytes, lane),
      this.laneBytes
    )
  }
}
