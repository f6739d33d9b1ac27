/**
 * The way beside the ring, for buffers that a frame only mentions: moved bytes, shared memory, and
 * messages larger than a share of the ring.
 *
 * The frame keeps the place, so order is kept; the buffers go through a `MessagePort` between the
 * two threads, one for each lane that needs it. The receiver asks for it: at the first frame that
 * mentions buffers it makes a `MessageChannel`, sends one end to the thread that holds the sender's
 * endpoint, and from then on both ends are connected.
 *
 * An `Outbox` keeps shared buffers until their frame is acknowledged, so a successor of a dead
 * receiver gets them again. A moved `ArrayBuffer` exists once: if it dies with the receiver that
 * it was moved to, its frame fails with `ReceiveError` (`Lost`). Unless the outbox `keeps` it: then
 * it is still taken from whoever sent it, and the receiver gets a copy.
 *
 * Invariant: a port carries parcels in the order of their frames, and once connected a *mark*: what
 * is not there up to the mark will never come. So a frame either gets its buffers or is known lost.
 *
 * How a port reaches another thread is the platform's business (`install`); within one thread no
 * platform is needed.
 *
 * @since 0.1.0
 */

/**
 * What names one lane among all meshes.
 *
 * @category models
 * @since 0.1.0
 */
export interface LaneAddress {
  readonly mesh: string
  readonly sender: number
  readonly receiver: number
}

/**
 * A lane, and the frame that its receiver is waiting for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Address extends LaneAddress {
  readonly sequence: number
}

/**
 * What a platform provides.
 *
 * @category models
 * @since 0.1.0
 */
export interface Connector {
  /** Hands a port to `accept` in the thread that is called `owner`; rejects if that thread is gone. */
  readonly deliver: (owner: number, address: Address, port: MessagePort) => Promise<void>
  /** Takes the next message that has arrived at a port, without a turn of the event loop. */
  readonly receiveSync?: (port: MessagePort) => { readonly message: unknown } | undefined
}

interface Parcel {
  readonly sequence: number
  readonly buffers: ReadonlyArray<ArrayBufferLike>
  /** True for the mark, which has no buffers: what is not there up to `sequence` will never come. */
  readonly mark?: boolean
}

/** What was posted and is not acknowledged. */
interface Posted {
  readonly sequence: number
  readonly bytes: number
  /** Undefined once they were moved to a receiver. */
  readonly buffers: ReadonlyArray<ArrayBufferLike> | undefined
}

let connector: Connector | undefined

/**
 * Installs the platform's way from thread to thread.
 *
 * @category accessors
 * @since 0.1.0
 */
export const install = (value: Connector): void => {
  connector = value
}

const outboxes = new Map<string, Outbox>()
/** Outboxes of senders that closed before everything was acknowledged: a successor may still ask. */
const retired = new Set<Outbox>()

const sweep = (): void => {
  for (const outbox of retired) outbox.discardIfDone()
}

const keyOf = (lane: LaneAddress): string => `${lane.mesh}/${lane.sender}/${lane.receiver}`

/**
 * Connects a port that a receiver sent to the outbox that it asks for. Called by the platform in
 * the thread that `deliver` named.
 *
 * @category accessors
 * @since 0.1.0
 */
export const accept = (address: Address, port: MessagePort): void => {
  const outbox = outboxes.get(keyOf(address))
  if (outbox !== undefined) return outbox.connect(port, address.sequence)
  send(port, { sequence: address.sequence, buffers: [], mark: true })
  port.close()
}

const isMovable = (buffer: ArrayBufferLike): buffer is ArrayBuffer => buffer instanceof ArrayBuffer

const send = (port: MessagePort, parcel: Parcel): void => {
  port.postMessage(parcel, parcel.buffers.filter(isMovable))
}

const copyOf = (buffer: ArrayBufferLike): ArrayBufferLike => (isMovable(buffer) ? buffer.slice() : buffer)

/** Takes the bytes away from whoever else has the buffer. Memory that cannot be detached is copied. */
const seize = (buffer: ArrayBufferLike): ArrayBufferLike => {
  if (!isMovable(buffer)) return buffer
  try {
    return buffer.transfer()
  } catch {
    return buffer.slice()
  }
}

const unref = (port: MessagePort): void => {
  ;(port as { unref?: () => void }).unref?.()
}

/**
 * What an `Outbox` knows of the receiver at the other end of its lane.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReceiverView {
  /** Whether the frame of this number was acknowledged. */
  readonly isAcked: (sequence: number) => boolean
  /** Whether a receiver is there, or may come, that could ask for what is kept. */
  readonly isWanted: () => boolean
  /** Another number for each thread that held the endpoint, and for its death. */
  readonly incarnation: () => number
}

/**
 * The sender's side of one lane.
 *
 * @category models
 * @since 0.1.0
 */
export class Outbox {
  private readonly key: string
  private readonly receiver: ReceiverView
  private readonly keeps: boolean
  private readonly posted: Array<Posted> = []
  private bytes = 0
  private last: number | undefined
  private port: MessagePort | undefined

  private connectedTo = 0

  private constructor(key: string, receiver: ReceiverView, keeps: boolean) {
    this.key = key
    this.receiver = receiver
    this.keeps = keeps
  }

  /**
   * The outbox of a lane. A successor in the thread of its predecessor goes on with the same, which
   * its receiver may be connected to. `keeps` is whether a successor of the receiver gets moved buffers, too.
   */
  static of(lane: LaneAddress, receiver: ReceiverView, keeps = false): Outbox {
    sweep()
    const key = keyOf(lane)
    const known = outboxes.get(key)
    if (known !== undefined) {
      retired.delete(known)
      return known
    }
    const outbox = new Outbox(key, receiver, keeps)
    outboxes.set(key, outbox)
    return outbox
  }

  /** Sends the buffers of frame `sequence`. Those that are not shared are detached from here on. */
  post(sequence: number, buffers: ReadonlyArray<ArrayBufferLike>): void {
    this.prune()
    if (this.port !== undefined && this.receiver.incarnation() !== this.connectedTo) this.disconnect()
    let bytes = 0
    for (const buffer of buffers) bytes += buffer.byteLength
    const own = buffers.map(seize)
    this.posted.push({ sequence, bytes, buffers: this.port === undefined ? own : this.give(this.port, sequence, own) })
    this.bytes += bytes
    this.last = sequence
  }

  /** Sends buffers, and gives back what is left of them for a successor. */
  private give(
    port: MessagePort,
    sequence: number,
    buffers: ReadonlyArray<ArrayBufferLike>
  ): ReadonlyArray<ArrayBufferLike> | undefined {
    const moves = buffers.some(isMovable)
    send(port, { sequence, buffers: moves && this.keeps ? buffers.map(copyOf) : buffers })
    return moves && !this.keeps ? undefined : buffers
  }

  private prune(): void {
    const { posted } = this
    let acked = 0
    for (; acked < posted.length && this.receiver.isAcked(posted[acked].sequence); acked++)
      this.bytes -= posted[acked].bytes
    if (acked > 0) posted.splice(0, acked)
  }

  /** What is moved to a dead receiver is lost, and a port tells of its end late. */
  private disconnect(): void {
    const { port } = this
    this.port = undefined
    port?.close()
  }

  connect(port: MessagePort, sequence: number): void {
    this.disconnect()
    this.port = port
    this.connectedTo = this.receiver.incarnation()
    this.prune()
    for (const [index, { bytes, buffers, sequence }] of this.posted.entries()) {
      if (buffers === undefined) continue
      this.posted[index] = { sequence, bytes, buffers: this.give(port, sequence, buffers) }
    }
    const last = this.last !== undefined && ((this.last - sequence) | 0) > 0 ? this.last : sequence
    send(port, { sequence: last, buffers: [], mark: true })
    port.addEventListener("close", () => {
      if (this.port === port) this.port = undefined
      if (retired.has(this)) this.discardIfDone()
    })
    unref(port)
  }

  /** Whether buffers wait here for a receiver to ask for them. */
  get waiting(): boolean {
    if (this.port !== undefined) return false
    this.prune()
    return this.posted.some(({ buffers }) => buffers !== undefined)
  }

  /** Bytes that were posted and not acknowledged. */
  get unacknowledged(): number {
    this.prune()
    return this.bytes
  }

  /** Ends the lane from this side. What was posted still arrives; what is kept can still be asked for. */
  close(): void {
    retired.add(this)
    this.discardIfDone()
  }

  discardIfDone(): void {
    this.prune()
    if (this.posted.length > 0 && this.receiver.isWanted()) return
    this.port?.close()
    retired.delete(this)
    outboxes.delete(this.key)
  }
}

/**
 * What an `Inbox` knows of the sender at the other end of its lane.
 *
 * @category models
 * @since 0.1.0
 */
export interface SenderView {
  /** The thread that holds the sender's endpoint, 0 if none does. */
  readonly owner: () => number
  /** Whether that thread is known to be gone. */
  readonly isDead: () => boolean
}

/**
 * The receiver's side of one lane.
 *
 * @category models
 * @since 0.1.0
 */
export class Inbox {
  private readonly lane: LaneAddress
  private readonly sender: SenderView
  private readonly onArrival: () => void
  private readonly arrived = new Map<number, ReadonlyArray<ArrayBufferLike>>()
  private port: MessagePort | undefined
  private asking = false
  private mark: number | undefined

  /** @param onArrival told when a look is worth it */
  constructor(lane: LaneAddress, sender: SenderView, onArrival: () => void) {
    this.lane = lane
    this.sender = sender
    this.onArrival = onArrival
  }

  /**
   * The buffers of frame `sequence`, until it is dropped: undefined while they are on their way,
   * "lost" if they will never come. Asks the sender's thread for them if need be.
   */
  request(sequence: number): ReadonlyArray<ArrayBufferLike> | "lost" | undefined {
    const found = this.find(sequence)
    if (found !== undefined || this.port !== undefined) return found
    this.ask(sequence)
    return this.find(sequence)
  }

  /** Forgets the buffers of a frame that was passed. */
  drop(sequence: number): void {
    this.arrived.delete(sequence)
  }

  /** Whether a `request` would get anywhere. */
  has(sequence: number): boolean {
    return this.port === undefined || this.find(sequence) !== undefined
  }

  private find(sequence: number): ReadonlyArray<ArrayBufferLike> | "lost" | undefined {
    if (!this.arrived.has(sequence)) this.drain(sequence)
    const buffers = this.arrived.get(sequence)
    if (buffers !== undefined) return buffers
    if (this.mark !== undefined && ((this.mark - sequence) | 0) >= 0) return "lost"
    // Nobody settles the delivery to a thread that died before it took the port.
    return this.asking && this.sender.isDead() ? "lost" : undefined
  }

  /**
   * Takes what has arrived, up to a frame: buffers that stay in the port's queue are not this
   * thread's to collect yet, and those that are taken late die young.
   */
  private drain(sequence: number): void {
    const receive = connector?.receiveSync
    if (this.port === undefined || receive === undefined) return
    while (!this.arrived.has(sequence)) {
      const item = receive(this.port)
      if (item === undefined) return
      this.store(item.message as Parcel)
    }
  }

  private store(parcel: Parcel): void {
    if (parcel.mark === true) this.mark = parcel.sequence
    else this.arrived.set(parcel.sequence, parcel.buffers)
  }

  private ask(sequence: number): void {
    const { port1, port2 } = new MessageChannel()
    const address: Address = { ...this.lane, sequence }
    this.port = port1
    port1.onmessage = (event) => {
      this.store(event.data as Parcel)
      this.onArrival()
    }
    port1.addEventListener("close", () => {
      if (this.port !== port1) return
      // The sender is gone or closed: what it posted has arrived; anything else is asked for anew.
      this.port = undefined
      this.onArrival()
    })
    unref(port1)
    const owner = this.sender.owner()
    // Several workers may share one thread under names of their own: the outbox itself tells.
    if (connector === undefined || outboxes.has(keyOf(address))) return accept(address, port2)
    this.asking = true
    const settle = (delivered: boolean) => {
      this.asking = false
      if (!delivered) {
        if (this.port === port1) this.mark = sequence
        port1.close()
      }
      this.onArrival()
    }
    if (owner === 0) {
      settle(false)
    } else {
      connector.deliver(owner, address, port2).then(
        () => settle(true),
        () => settle(false)
      )
    }
  }

  close(): void {
    const port = this.port
    this.port = undefined
    port?.close()
  }
}
