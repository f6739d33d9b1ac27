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
 * it was moved to, its frame fails with `ReceiveError` (`Lost`).
 *
 * How a port reaches another thread is the platform's business (`install`); within one thread no
 * platform is needed.
 *
 * @since 0.1.0
 */
import * as ThreadIdentity from "./ThreadIdentity.ts"

/**
 * What names one lane among all meshes, and the frame that the receiver is waiting for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Address {
  readonly mesh: string
  readonly sender: number
  readonly receiver: number
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
  /** True when the outbox does not have it (any more). */
  readonly lost?: boolean
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

const lane = (address: { readonly mesh: string; readonly sender: number; readonly receiver: number }): string =>
  `${address.mesh}/${address.sender}/${address.receiver}`

/**
 * Connects a port that a receiver sent to the outbox that it asks for. Called by the platform in
 * the thread that `deliver` named.
 *
 * @category accessors
 * @since 0.1.0
 */
export const accept = (address: Address, port: MessagePort): void => {
  const outbox = outboxes.get(lane(address))
  if (outbox === undefined) port.close()
  else outbox.connect(port, address.sequence)
}

const isShared = (buffer: ArrayBufferLike): boolean => !(buffer instanceof ArrayBuffer)

const unref = (port: MessagePort): void => {
  ;(port as { unref?: () => void }).unref?.()
}

/**
 * The sender's side of one lane.
 *
 * @category models
 * @since 0.1.0
 */
export class Outbox {
  private readonly key: string
  private readonly isAcked: (sequence: number) => boolean
  private kept: Array<Parcel> = []
  private port: MessagePort | undefined

  constructor(
    address: { readonly mesh: string; readonly sender: number; readonly receiver: number },
    isAcked: (sequence: number) => boolean
  ) {
    this.key = lane(address)
    this.isAcked = isAcked
    outboxes.set(this.key, this)
  }

  /** Sends the buffers of frame `sequence`. Those that are not shared are detached from here on. */
  post(sequence: number, buffers: ReadonlyArray<ArrayBufferLike>): void {
    while (this.kept.length > 0 && this.isAcked(this.kept[0].sequence)) this.kept.shift()
    if (this.port !== undefined) {
      this.forward(this.port, { sequence, buffers })
      if (buffers.every(isShared)) this.kept.push({ sequence, buffers })
    } else {
      this.kept.push({
        sequence,
        buffers: buffers.map((buffer) => (buffer instanceof ArrayBuffer ? buffer.transfer() : buffer))
      })
    }
  }

  private forward(port: MessagePort, parcel: Parcel): void {
    port.postMessage(parcel, parcel.buffers.filter((buffer): buffer is ArrayBuffer => !isShared(buffer)))
  }

  connect(port: MessagePort, sequence: number): void {
    this.port?.close()
    this.port = port
    unref(port)
    if (!this.kept.some((parcel) => parcel.sequence === sequence)) {
      this.forward(port, { sequence, buffers: [], lost: true })
    }
    for (const parcel of this.kept) this.forward(port, parcel)
    this.kept = this.kept.filter((parcel) => parcel.buffers.every(isShared))
  }

  /** Whether buffers wait here for a receiver to ask for them. */
  get waiting(): boolean {
    return this.port === undefined && this.kept.length > 0
  }

  /** Ends the lane from this side. What was posted still arrives; what is kept can still be asked for. */
  close(): void {
    if (this.kept.every((parcel) => this.isAcked(parcel.sequence))) {
      this.port?.close()
      outboxes.delete(this.key)
    }
  }
}

/**
 * The receiver's side of one lane.
 *
 * @category models
 * @since 0.1.0
 */
export class Inbox {
  private readonly address: Omit<Address, "sequence">
  private readonly ownerOf: () => number
  private readonly onArrival: () => void
  private readonly arrived = new Map<number, ReadonlyArray<ArrayBufferLike> | undefined>()
  private port: MessagePort | undefined
  private connecting = false

  /**
   * @param ownerOf the thread that holds the sender's endpoint, 0 if none does
   * @param onArrival told when a look is worth it
   */
  constructor(address: Omit<Address, "sequence">, ownerOf: () => number, onArrival: () => void) {
    this.address = address
    this.ownerOf = ownerOf
    this.onArrival = onArrival
  }

  /**
   * The buffers of frame `sequence`: undefined while they are on their way, "lost" if they will
   * never come.
   */
  take(sequence: number): ReadonlyArray<ArrayBufferLike> | "lost" | undefined {
    if (!this.arrived.has(sequence)) {
      this.drain()
      if (!this.arrived.has(sequence)) {
        if (this.port === undefined && !this.connecting) this.connect(sequence)
        return undefined
      }
    }
    const buffers = this.arrived.get(sequence)
    this.arrived.delete(sequence)
    return buffers ?? "lost"
  }

  /** Whether `take` would give an answer. */
  has(sequence: number): boolean {
    if (!this.arrived.has(sequence)) this.drain()
    return this.arrived.has(sequence)
  }

  private drain(): void {
    const receive = connector?.receiveSync
    if (this.port === undefined || receive === undefined) return
    for (;;) {
      const item = receive(this.port)
      if (item === undefined) return
      this.store(item.message as Parcel)
    }
  }

  private store(parcel: Parcel): void {
    this.arrived.set(parcel.sequence, parcel.lost === true ? undefined : parcel.buffers)
  }

  private connect(sequence: number): void {
    const { port1, port2 } = new MessageChannel()
    const owner = this.ownerOf()
    const address: Address = { ...this.address, sequence }
    this.connecting = true
    const fail = () => {
      this.connecting = false
      if (this.port !== undefined) return
      this.arrived.set(sequence, undefined)
      this.onArrival()
    }
    const done = () => {
      this.connecting = false
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
    }
    if (owner === ThreadIdentity.current()) {
      done()
      accept(address, port2)
    } else if (connector === undefined || owner === 0) {
      fail()
    } else {
      connector.deliver(owner, address, port2).then(done, fail)
    }
  }

  close(): void {
    const port = this.port
    this.port = undefined
    port?.close()
  }
}
