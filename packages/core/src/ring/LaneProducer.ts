/**
 * The writing half of a lane: a single-producer single-consumer ring of frames, after Lamport's
 * queue with cached cursors (as in FastForward and rigtorp's SPSCQueue).
 *
 * Positions count units of 8 bytes modulo 2^32, so `write - acked` is the distance between them
 * whatever has wrapped. The producer alone writes frames, `write` and `sent`; it reads `acked` and
 * `ackedCount` only when its cached copy says that the ring is full.
 *
 * Invariant: `0 <= write - acked <= capacity`, and every unit between `acked` and `write` belongs
 * to a whole frame. Nothing is visible to the consumer before `publish`.
 *
 * @since 0.1.0
 */
import type { ByteMemory } from "./ByteMemory.ts"
import * as Counter from "./Counter.ts"
import { Kind, unitsOf } from "./Frame.ts"
import { LaneControl } from "./layout.ts"
import { RingFault } from "./RingFault.ts"
import { type Encoder, Run, writeRun } from "./Run.ts"

/**
 * @category models
 * @since 0.1.0
 */
export class LaneProducer {
  readonly memory: ByteMemory
  private readonly i32: Int32Array
  private readonly control: number
  private readonly dataUnit: number
  private readonly capacity: number
  private readonly mask: number
  private readonly maxMessages: number
  private readonly run: Run

  /** End of the last committed frame. */
  private write: number
  /** Start of the frame that `reserve` made room for. */
  private head = 0
  private published: number
  private acked: number
  private ackedCount: number
  private seq: number
  private sent: number
  private sentPublished: number

  /**
   * @param control word index of the lane's control block
   * @param dataOffset byte offset of the lane's data
   * @param laneBytes bytes of the lane's data, a power of two
   * @param maxMessages most unacknowledged messages, 0 for no limit but the bytes
   */
  constructor(memory: ByteMemory, control: number, dataOffset: number, laneBytes: number, maxMessages: number) {
    this.memory = memory
    this.i32 = memory.i32
    this.control = control
    this.dataUnit = dataOffset >>> 3
    this.capacity = laneBytes >>> 3
    this.mask = this.capacity - 1
    this.maxMessages = maxMessages
    this.run = new Run(memory, this.dataUnit, this.capacity)
    const seam = memory.seam
    this.acked = seam.load(this.i32, control + LaneControl.acked)
    this.write = seam.load(this.i32, control + LaneControl.write)
    this.published = this.write
    this.checkCursors()
    this.seq = this.recoverSequence()
    this.ackedCount = seam.load(this.i32, control + LaneControl.ackedCount)
    const counted = Counter.resume(memory, control + LaneControl.sent)
    // Messages are numbered from 0, so the sequence tells what a predecessor that died after
    // storing `write` did not count.
    this.sent = counted + ((this.seq - (counted | 0)) | 0)
    this.sentPublished = this.sent
    if (this.sent !== counted) Counter.publish(memory, control + LaneControl.sent, this.sent, counted)
  }

  /**
   * The number of the next message. A predecessor may have died between storing `write` and
   * `sent`, so the frames themselves are asked: only a producer overwrites them, and that is us.
   */
  private recoverSequence(): number {
    if (this.acked === this.write) {
      return this.memory.seam.load(this.i32, this.control + LaneControl.ackedCount)
    }
    let position = this.acked
    let last = 0
    for (let left = (this.write - this.acked) | 0; left > 0;) {
      const start = position & this.mask
      const at = (this.dataUnit + start) << 1
      const head = this.i32[at]
      const units = unitsOf(head >>> 4)
      if ((head & 15) === Kind.Empty || units > left || units > this.capacity - start) {
        throw new RingFault("corrupt", "a predecessor's frame does not fit in what it published", at << 2)
      }
      if ((head & 15) !== Kind.Pad) last = this.i32[at + 1]
      position = (position + units) | 0
      left -= units
    }
    return (last + 1) | 0
  }

  private checkCursors(): void {
    const used = (this.write - this.acked) >>> 0
    if (used <= this.capacity) return
    const detail = `${used} units in use in a lane of ${this.capacity}`
    throw new RingFault("corrupt", detail, (this.control + LaneControl.acked) << 2)
  }

  /** The longest payload that always finds room once the ring is drained, in bytes. */
  get maxPayload(): number {
    return (this.capacity << 2) - 8
  }

  /**
   * Makes room for a payload of at most `bytes` (at most `maxPayload`) and returns the byte offset
   * to write it at, or -1 when the ring is full. Calling it again before `commit` starts over.
   */
  reserve(bytes: number): number {
    const units = 1 + ((bytes + 7) >>> 3)
    const start = this.write & this.mask
    const toEnd = this.capacity - start
    const need = units <= toEnd ? units : units + toEnd
    if (need > this.capacity - ((this.write - this.acked) | 0) || this.messagesFull()) {
      this.refresh()
      if (need > this.capacity - ((this.write - this.acked) | 0) || this.messagesFull()) return -1
    }
    if (units <= toEnd) {
      this.head = this.write
      return ((this.dataUnit + start) << 3) + 8
    }
    const at = (this.dataUnit + start) << 1
    this.i32[at] = (((toEnd << 3) - 8) << 4) | Kind.Pad
    // Never the number that is due: a pad whose kind is damaged must not pass for a message.
    this.i32[at + 1] = ~this.seq
    this.head = (this.write + toEnd) | 0
    return (this.dataUnit << 3) + 8
  }

  private messagesFull(): boolean {
    return this.maxMessages !== 0 && ((this.seq - this.ackedCount) | 0) >= this.maxMessages
  }

  private refresh(): void {
    // `acked` before `ackedCount`: the consumer stores them the other way round, so the count is
    // never behind the space, and a lane whose space is all free is never full of messages.
    this.acked = this.memory.seam.load(this.i32, this.control + LaneControl.acked)
    if (this.maxMessages !== 0) {
      this.ackedCount = this.memory.seam.load(this.i32, this.control + LaneControl.ackedCount)
    }
    this.checkCursors()
  }

  /** Completes the frame begun by `reserve`, `bytes` of it used. It stays unseen until `publish`. */
  commit(bytes: number, kind: number): void {
    const at = (this.dataUnit + (this.head & this.mask)) << 1
    this.i32[at] = (bytes << 4) | kind
    this.i32[at + 1] = this.seq
    this.write = (this.head + 1 + ((bytes + 7) >>> 3)) | 0
    this.seq = (this.seq + 1) | 0
    this.sent += 1
  }

  /**
   * Commits messages `from` to `to` as long as that is plain going: room without a pad, as far as
   * this producer knows. Returns the index of the first that was not committed; `reserve` knows
   * more. What `reserve`, write and `commit` do in turn, as one run. Throws what the encoder throws,
   * with the messages before committed.
   */
  put<A>(encoder: Encoder<A>, kind: number, messages: ReadonlyArray<A>, from: number, to: number): number {
    const { maxMessages, run, seq } = this
    const last = maxMessages === 0 ? to : Math.min(to, from + maxMessages - ((seq - this.ackedCount) | 0))
    run.position = this.write
    run.sequence = seq
    run.end = (this.acked + this.capacity) | 0
    try {
      return encoder.writeRun === undefined
        ? writeRun(encoder, run, kind, messages, from, last)
        : encoder.writeRun(run, kind, messages, from, last)
    } finally {
      this.write = run.position
      this.seq = run.sequence
      this.sent += (run.sequence - seq) | 0
    }
  }

  /** Makes every committed frame visible to the consumer; false if there was none. */
  publish(): boolean {
    if (this.write === this.published) return false
    this.published = this.write
    this.memory.seam.store(this.i32, this.control + LaneControl.write, this.write)
    Counter.publish(this.memory, this.control + LaneControl.sent, this.sent, this.sentPublished)
    this.sentPublished = this.sent
    return true
  }

  /** Units of 8 bytes in use, committed but unpublished frames included. */
  load(): number {
    this.refresh()
    return (this.write - this.acked) | 0
  }

  /** The unit after the last committed frame, published or not, modulo 2^32. */
  get position(): number {
    return this.write
  }

  /** Messages that are not acknowledged, unpublished ones included. */
  get depth(): number {
    return (this.seq - this.memory.seam.load(this.i32, this.control + LaneControl.ackedCount)) | 0
  }

  /** The number of the last committed message, modulo 2^32: what its frame carries. */
  get lastSequence(): number {
    return (this.seq - 1) | 0
  }

  /** Whether the consumer has acknowledged message number `sequence`. */
  isAcked(sequence: number): boolean {
    return ((this.memory.seam.load(this.i32, this.control + LaneControl.ackedCount) - sequence) | 0) > 0
  }
}
