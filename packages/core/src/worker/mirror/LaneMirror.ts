/**
 * One lane in two memories: the producer's side holds the source, the consumer's side the target.
 *
 * The target has the size of the source, and every frame lies at the same place in both, so runs of
 * frames are copied as they are: no frame is decoded, and the producer's room is the window of what
 * may be on its way. Cursors go back as they are, too: what is acknowledged in the target is
 * acknowledged in the source, and nothing else is. A consumer that is lost with its memory leaves in
 * the source all that it had not acknowledged.
 *
 * Positions and counts are those of `ring/layout.ts`.
 *
 * @since 0.1.0
 */
import * as Counter from "../../ring/Counter.ts"
import * as Doorbell from "../../ring/Doorbell.ts"
import { attached, headerBytes, Kind, unitsOf } from "../../ring/Frame.ts"
import { LaneControl, laneControlIndex, laneDataOffset } from "../../ring/layout.ts"
import type { Mesh } from "../../ring/Mesh.ts"
import { RingFault } from "../../ring/RingFault.ts"

/**
 * Where the worker's side of a lane begins: where it goes on, and what a predecessor wrote that is not
 * acknowledged. That lies with the owner, and here only its room is taken.
 *
 * @category models
 * @since 0.1.0
 */
export interface LaneStart {
  readonly position: number
  readonly count: number
  readonly acked: number
  readonly ackedCount: number
}

/**
 * How far the consumer of a target is.
 *
 * @category models
 * @since 0.1.0
 */
export interface Cursors {
  acked: number
  ackedCount: number
  read: number
}

class LaneView {
  readonly mesh: Mesh
  readonly sender: number
  protected readonly control: number
  protected readonly dataUnit: number
  protected readonly capacity: number
  protected readonly mask: number

  constructor(mesh: Mesh, sender: number, receiver: number) {
    const { laneBytes, receivers, senders } = mesh
    const lane = sender * receivers + receiver
    this.mesh = mesh
    this.sender = sender
    this.control = laneControlIndex(senders, receivers, lane)
    this.dataUnit = laneDataOffset(senders, receivers, laneBytes, lane) >>> 3
    this.capacity = laneBytes >>> 3
    this.mask = this.capacity - 1
  }

  protected load(word: number): number {
    return this.mesh.memory.seam.load(this.mesh.memory.i32, this.control + word)
  }

  protected store(word: number, value: number): void {
    this.mesh.memory.seam.store(this.mesh.memory.i32, this.control + word, value)
  }

  protected fault(detail: string): RingFault {
    return new RingFault("corrupt", `mirror: ${detail}`, this.control << 2)
  }
}

/**
 * What `next` found: nothing, a run of frames, or a frame whose buffers must go first.
 *
 * @category models
 * @since 0.1.0
 */
export const Found = { Nothing: 0, Run: 1, Buffers: 2 } as const

/**
 * The side of the producer: takes what it published, and acknowledges in the name of the consumer.
 *
 * @category models
 * @since 0.1.0
 */
export class LaneSource extends LaneView {
  private taken: number
  private acked: number
  private received: number
  private cleared: number | undefined

  /** Position, bytes and frames of the run that `next` found. */
  position = 0
  offset = 0
  bytes = 0
  frames = 0
  /** Number of the frame whose buffers must go first, and whether its whole message is one of them. */
  sequence = 0
  beside = false

  /** @param from the first position to take; what is not acknowledged, if it is absent */
  constructor(mesh: Mesh, sender: number, receiver: number, from?: number) {
    super(mesh, sender, receiver)
    this.acked = this.load(LaneControl.acked)
    this.taken = from ?? this.acked
    this.received = Counter.resume(mesh.memory, this.control + LaneControl.received)
  }

  get start(): LaneStart {
    const { acked } = this
    const ackedCount = this.load(LaneControl.ackedCount)
    return { position: acked, count: ackedCount, acked, ackedCount }
  }

  /** Whether everything published was taken. */
  get isDry(): boolean {
    return this.load(LaneControl.write) === this.taken
  }

  /** Finds the frames to take next, at most about `limit` bytes that lie side by side. */
  next(limit: number): number {
    const { i32 } = this.mesh.memory
    const write = this.load(LaneControl.write)
    let position = this.taken
    let frames = 0
    while (position !== write && (position - this.taken) << 3 < limit) {
      const start = position & this.mask
      const at = (this.dataUnit + start) << 1
      const head = i32[at]
      const kind = head & 15
      const units = unitsOf(head >>> 4)
      const left = (write - position) | 0
      if (kind === Kind.Empty || units > left || units > this.capacity - start) {
        // No frame: the consumer is the one to find out.
        position = (position + Math.min(left, this.capacity - start)) | 0
        break
      }
      if ((kind & attached) !== 0 && position !== this.cleared) {
        if (position !== this.taken) break
        this.sequence = i32[at + 1]
        this.beside = (kind & ~attached) === Kind.Beside
        return Found.Buffers
      }
      position = (position + units) | 0
      if (kind !== Kind.Pad) frames += 1
      if (start + units === this.capacity) break
    }
    if (position === this.taken) return Found.Nothing
    this.position = this.taken
    this.offset = (this.dataUnit + (this.taken & this.mask)) << 3
    this.bytes = ((position - this.taken) | 0) << 3
    this.frames = frames
    return Found.Run
  }

  /** The buffers that `next` asked for have gone. */
  clear(): void {
    this.cleared = this.taken
  }

  /** The run that `next` found was taken. */
  advance(): void {
    this.taken = (this.taken + (this.bytes >>> 3)) | 0
    this.received += this.frames
  }

  isAcked(sequence: number): boolean {
    return ((this.load(LaneControl.ackedCount) - sequence) | 0) > 0
  }

  /** Acknowledges what the consumer has, and wakes the producer if it waits for room. */
  apply({ acked, ackedCount, read }: Cursors): void {
    const { memory } = this.mesh
    if (((acked - this.acked) | 0) < 0 || ((this.taken - acked) | 0) < 0) {
      throw this.fault(`position ${acked >>> 0} acknowledged, ${this.acked >>> 0} to ${this.taken >>> 0} are out`)
    }
    this.store(LaneControl.read, read)
    const counted = Counter.read(memory, this.control + LaneControl.received)
    Counter.publish(memory, this.control + LaneControl.received, this.received, counted)
    if (acked === this.acked) return
    this.acked = acked
    this.store(LaneControl.ackedCount, ackedCount)
    this.store(LaneControl.acked, acked)
    // As `LaneConsumer.roomy`: waking at every crumb would cost a switch a message.
    const used = (this.load(LaneControl.write) - acked) | 0
    const bell = this.mesh.bellIndex(this.sender)
    if (Doorbell.isArmed(memory, bell) && (used <= this.capacity >>> 1 || used === 0)) Doorbell.ring(memory, bell)
  }
}

interface Held {
  readonly position: number
  readonly frames: number
  readonly bytes: Uint8Array
}

/**
 * The side of the consumer: publishes what the producer published, and tells how far the consumer is.
 *
 * @category models
 * @since 0.1.0
 */
export class LaneTarget extends LaneView {
  readonly receiver: number
  /** Whether the entries of a ledger say what of it counts: what is published here, and what was read here. */
  readonly byEntry: boolean
  private end: number
  private write: number
  private sent: number
  private held: Array<Held> = []
  readonly cursors: Cursors

  constructor(mesh: Mesh, sender: number, receiver: number, byEntry = false) {
    super(mesh, sender, receiver)
    this.receiver = receiver
    this.byEntry = byEntry
    this.write = this.load(LaneControl.write)
    this.end = this.write
    this.sent = Counter.resume(mesh.memory, this.control + LaneControl.sent)
    this.cursors = { acked: this.load(LaneControl.acked), ackedCount: this.load(LaneControl.ackedCount), read: 0 }
    this.cursors.read = this.cursors.acked
  }

  /** The position that the next run is due at. */
  get position(): number {
    return this.end
  }

  /** Takes a run of frames. What finds no room yet is kept until `settle` finds some. */
  put(position: number, frames: number, bytes: Uint8Array): void {
    const units = bytes.length >>> 3
    if (position !== this.end || units << 3 !== bytes.length || units > this.capacity - (position & this.mask)) {
      throw this.fault(`${bytes.length} bytes for position ${position >>> 0}, ${this.end >>> 0} is due`)
    }
    this.end = (this.end + units) | 0
    if (this.held.length > 0 || !this.fits(units)) this.held.push({ position, frames, bytes: bytes.slice() })
    else this.copy(position, frames, bytes)
  }

  private fits(units: number): boolean {
    return ((this.write + units - this.load(LaneControl.acked)) | 0) <= this.capacity
  }

  private copy(position: number, frames: number, bytes: Uint8Array): void {
    this.mesh.memory.u8.set(bytes, (this.dataUnit + (position & this.mask)) << 3)
    this.write = (this.write + (bytes.length >>> 3)) | 0
    this.sent += frames
  }

  /** Throws a `RingFault` unless everything up to `position`, and nothing more, was put. */
  check(position: number): void {
    if (position === this.end && this.held.length === 0) return
    throw this.fault(`an entry up to position ${position >>> 0}, ${this.end >>> 0} is there`)
  }

  /** Publishes what was put, and wakes the consumer. */
  publish(): void {
    while (this.held.length > 0 && this.fits(this.held[0].bytes.length >>> 3)) {
      const { bytes, frames, position } = this.held.shift()!
      this.copy(position, frames, bytes)
    }
    if (this.write === this.load(LaneControl.write)) return
    const counter = this.control + LaneControl.sent
    this.store(LaneControl.write, this.write)
    Counter.publish(this.mesh.memory, counter, this.sent, Counter.read(this.mesh.memory, counter))
    this.mesh.ring(this.mesh.receiverEndpoint(this.receiver))
  }

  isAcked(sequence: number): boolean {
    return ((this.load(LaneControl.ackedCount) - sequence) | 0) > 0
  }

  /** Whether the consumer has not acknowledged everything. */
  get isBusy(): boolean {
    return this.load(LaneControl.acked) !== this.end
  }

  /** Looks how far the consumer is: true if `cursors` have changed. */
  look(): boolean {
    const { cursors } = this
    const read = this.load(LaneControl.read)
    const acked = this.load(LaneControl.acked)
    if (acked === cursors.acked && read === cursors.read) return false
    // After `acked`, as `LaneProducer.refresh`: the count is never behind the space.
    cursors.ackedCount = this.load(LaneControl.ackedCount)
    cursors.acked = acked
    cursors.read = read
    return true
  }
}

/**
 * Gives a lane in fresh memory the past of the one that it mirrors.
 *
 * @category constructors
 * @since 0.1.0
 */
export const begin = (mesh: Mesh, sender: number, receiver: number, start: LaneStart): void => {
  const { acked, ackedCount, count, position } = start
  const { i32, seam } = mesh.memory
  const lane = sender * mesh.receivers + receiver
  const control = laneControlIndex(mesh.senders, mesh.receivers, lane)
  seam.store(i32, control + LaneControl.write, position)
  seam.store(i32, control + LaneControl.read, acked)
  seam.store(i32, control + LaneControl.acked, acked)
  seam.store(i32, control + LaneControl.ackedCount, ackedCount)
  if (position === acked) return
  // A producer counts on from the last frame that it finds, so there is one, after pads.
  const capacity = mesh.laneBytes >>> 3
  const dataUnit = laneDataOffset(mesh.senders, mesh.receivers, mesh.laneBytes, lane) >>> 3
  const last = (position - 1) | 0
  for (let at = acked; at !== last;) {
    const from = at & (capacity - 1)
    const units = Math.min((last - at) | 0, capacity - from)
    i32[(dataUnit + from) << 1] = (((units << 3) - headerBytes) << 4) | Kind.Pad
    at = (at + units) | 0
  }
  const end = (dataUnit + (last & (capacity - 1))) << 1
  i32[end] = Kind.Data
  i32[end + 1] = count - 1
}
