/**
 * The reading half of a lane; `LaneProducer` tells the algorithm.
 *
 * The consumer alone writes `read`, `acked`, `ackedCount` and `received`; it reads `write` only
 * when its cached copy says that the ring is empty. Space returns to the producer at `acked`, so
 * what was read but not acknowledged when a consumer dies is read again, in order, by the next.
 *
 * A frame is checked before it is handed out: its kind, its length against what was published and
 * against the end of the ring, and its number. Bytes that fail are a `RingFault`, never a wild read.
 *
 * @since 0.1.0
 */
import type { ByteMemory } from "./ByteMemory.ts"
import * as Counter from "./Counter.ts"
import { Kind, unitsOf } from "./Frame.ts"
import { LaneControl } from "./layout.ts"
import { RingFault } from "./RingFault.ts"
import { type Decoder, readRun, Run } from "./Run.ts"

/**
 * @category models
 * @since 0.1.0
 */
export class LaneConsumer {
  readonly memory: ByteMemory
  private readonly i32: Int32Array
  private readonly control: number
  private readonly dataUnit: number
  private readonly capacity: number
  private readonly mask: number
  private readonly run: Run

  private write: number
  private acked: number
  private readPublished: number
  private received: number
  private receivedPublished: number
  private units = 0
  /** False until the first frame after attaching told its number. */
  private synchronized = false

  /** Position after the last frame that `advance` passed: what `ackTo` takes. */
  position: number
  /** Messages that `advance` passed in this lane, modulo 2^32: what `ackTo` takes. */
  count: number
  /** Byte offset of the payload that `next` found. */
  offset = 0
  /** Bytes of the payload that `next` found. */
  length = 0

  constructor(memory: ByteMemory, control: number, dataOffset: number, laneBytes: number) {
    this.memory = memory
    this.i32 = memory.i32
    this.control = control
    this.dataUnit = dataOffset >>> 3
    this.capacity = laneBytes >>> 3
    this.mask = this.capacity - 1
    this.run = new Run(memory, this.dataUnit, this.capacity)
    const seam = memory.seam
    this.acked = seam.load(this.i32, control + LaneControl.acked)
    this.count = seam.load(this.i32, control + LaneControl.ackedCount)
    this.position = this.acked
    this.readPublished = this.acked
    this.write = this.acked
    this.received = Counter.resume(memory, control + LaneControl.received)
    this.receivedPublished = this.received
  }

  /**
   * Finds the next frame and returns its kind, or 0 when the lane is empty; `offset` and `length`
   * then tell where its payload is. Finds the same frame again until `advance`.
   */
  next(): number {
    for (;;) {
      if (this.position === this.write && !this.refresh()) return Kind.Empty
      const start = this.position & this.mask
      const at = (this.dataUnit + start) << 1
      const head = this.i32[at]
      const kind = head & 15
      const length = head >>> 4
      const units = 1 + ((length + 7) >>> 3)
      if (kind === Kind.Empty || units > ((this.write - this.position) | 0) || units > this.capacity - start) {
        throw this.misfit(at, head)
      }
      if (kind === Kind.Pad) {
        if (start + units !== this.capacity) throw this.corrupt(at, "a pad that does not end with the ring")
        this.position = (this.position + units) | 0
        continue
      }
      const number = this.i32[at + 1]
      if (number !== this.count) this.synchronize(at, number)
      this.synchronized = true
      this.units = units
      this.offset = (at << 2) + 8
      this.length = length
      return kind
    }
  }

  // What `next` seldom comes to is apart from it, so that an engine can make it part of its caller.

  /** Looks how far frames were published; false if no further than this consumer is. */
  private refresh(): boolean {
    this.write = this.memory.seam.load(this.i32, this.control + LaneControl.write)
    if (this.position === this.write) return false
    const used = (this.write - this.acked) >>> 0
    if (used <= this.capacity) return true
    this.write = this.position
    const detail = `${used} units published in a lane of ${this.capacity}`
    throw new RingFault("corrupt", detail, (this.control + LaneControl.write) << 2)
  }

  /**
   * `ackedCount` is stored before `acked`: a predecessor that died in between left the count ahead, so the first frame
   * after attaching tells it.
   */
  private synchronize(at: number, number: number): void {
    if (this.synchronized || (this.count - number) >>> 0 > this.capacity) {
      throw this.corrupt(at, `frame numbered ${number >>> 0} where ${this.count >>> 0} is due`)
    }
    this.count = number
  }

  private misfit(at: number, head: number): RingFault {
    return this.corrupt(at, `frame of kind ${head & 15} and ${head >>> 4} bytes does not fit in what was published`)
  }

  /**
   * Reads frames of one kind into `out` from index `from` on, until index `to`, as long as that is
   * plain going; `next` deals with whatever made it stop. Returns how many. What `next`, read and
   * `advance` do in turn, as one run. Throws what the decoder throws, with the frames before passed;
   * `advance` then passes the one that failed.
   */
  take<A>(decoder: Decoder<A>, kind: number, out: Array<A>, from: number, to: number): number {
    if (!this.synchronized) return 0
    const { count, run } = this
    run.position = this.position
    run.sequence = count
    run.end = this.write
    try {
      const next =
        decoder.readRun === undefined
          ? readRun(decoder, run, kind, out, from, to)
          : decoder.readRun(run, kind, out, from, to)
      return next - from
    } catch (error) {
      this.units = unitsOf(this.i32[(this.dataUnit + (run.position & this.mask)) << 1] >>> 4)
      throw error
    } finally {
      this.position = run.position
      this.count = run.sequence
      this.received += (run.sequence - count) | 0
    }
  }

  private corrupt(at: number, detail: string): RingFault {
    return new RingFault("corrupt", detail, at << 2)
  }

  /** Passes the frame that `next` found. Its bytes stay until they are acknowledged. */
  advance(): void {
    this.position = (this.position + this.units) | 0
    this.count = (this.count + 1) | 0
    this.received += 1
  }

  /** Publishes how far this consumer has read, for statistics. */
  publishRead(): void {
    if (this.position === this.readPublished) return
    this.readPublished = this.position
    this.memory.seam.store(this.i32, this.control + LaneControl.read, this.position)
    Counter.publish(this.memory, this.control + LaneControl.received, this.received, this.receivedPublished)
    this.receivedPublished = this.received
  }

  /** Acknowledges everything that `advance` passed; false if there was nothing. */
  ack(): boolean {
    return this.ackTo(this.position, this.count)
  }

  /**
   * Acknowledges up to a `position` and `count` noted after an `advance`; false if that changes
   * nothing. Positions must be given in the order they were noted.
   */
  ackTo(position: number, count: number): boolean {
    if (position === this.acked) return false
    this.acked = position
    this.memory.seam.store(this.i32, this.control + LaneControl.ackedCount, count)
    this.memory.seam.store(this.i32, this.control + LaneControl.acked, position)
    return true
  }

  /** Whether all that was published is passed. */
  get isEmpty(): boolean {
    if (this.position !== this.write) return false
    return this.memory.seam.load(this.i32, this.control + LaneControl.write) === this.write
  }

  /** `isEmpty` as far as a hint tells. */
  get seemsEmpty(): boolean {
    return this.position === this.write && this.memory.hints[this.control + LaneControl.write] === this.write
  }

  /** Whether what was passed and not acknowledged takes half of the ring or more. */
  get crowded(): boolean {
    return ((this.position - this.acked) | 0) >= this.capacity >>> 1
  }

  /**
   * Whether a producer that waits for room should be woken: at least half the ring is free, or
   * all that was published is acknowledged. Waking at every crumb would cost a switch a message.
   */
  get roomy(): boolean {
    const used = (this.memory.seam.load(this.i32, this.control + LaneControl.write) - this.acked) | 0
    return used <= this.capacity >>> 1 || used === 0
  }
}
