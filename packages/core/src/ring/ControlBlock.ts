/**
 * The words through which a worker is commanded and watched, beside its mailbox, so that a command
 * overtakes every message: the worker looks at one word between two messages.
 *
 * The owner writes `command`, `pings` and `kept`, the worker everything else; between two lives the owner
 * clears what the last one left.
 *
 * What a worker has in hand is also for whoever looks after its death. Where that is not in the same memory, the
 * worker's block is told of each change (`noted`), and its owner takes a copy over (`see`).
 *
 * @since 0.1.0
 */
import { ByteMemory } from "./ByteMemory.ts"
import * as Counter from "./Counter.ts"

const Word = {
  command: 0,
  pings: 1,
  kept: 2,
  // A block of 128 bytes further on: the worker's own cache lines.
  status: 32,
  pongs: 33,
  handled: 34,
  busy: 36,
  lane: 37,
  number: 38,
  late: 39,
  settled: 40,
  heap: 41,
  buffers: 42,
  heapLimit: 43,
  crowded: 44,
  blamed: 45,
  since: 46,
  allowed: 47
} as const

/** The words that tell what a worker has in hand. */
const handWords = [Word.busy, Word.lane, Word.number, Word.late, Word.settled, Word.crowded, Word.allowed]

/**
 * Bytes of a `ControlBlock`.
 *
 * @category constants
 * @since 0.1.0
 */
export const bytes = 256

const nobody = (): void => {}

/** Sizes are counted in units of this many bytes, so that they fit a word. */
const kibi = 1024

/**
 * What the owner wants: go on, hold on, finish what is in the mailbox and end, or end at once and
 * leave the mailbox to a successor.
 *
 * @category models
 * @since 0.1.0
 */
export const Command = { Run: 0, Pause: 1, Stop: 2, Leave: 3 } as const

/**
 * Stands for the lane where more than one frame is in hand.
 *
 * @category constants
 * @since 0.1.0
 */
export const several = -1

/**
 * What the worker is doing.
 *
 * @category models
 * @since 0.1.0
 */
export const Status = { Idle: 0, Running: 1, Paused: 2, Stopped: 3 } as const

const statusNames = ["Idle", "Running", "Paused", "Stopped"] as const

/**
 * @category models
 * @since 0.1.0
 */
export class ControlBlock {
  readonly memory: ByteMemory
  private readonly noted: () => void
  private handledPublished = 0
  private retaken = 1

  /** @param noted is called whenever what is in hand has changed */
  constructor(memory: SharedArrayBuffer | ByteMemory, noted: () => void = nobody) {
    this.memory = memory instanceof SharedArrayBuffer ? new ByteMemory(memory) : memory
    this.noted = noted
    this.handledPublished = this.handled
  }

  static make(): ControlBlock {
    return new ControlBlock(new SharedArrayBuffer(bytes))
  }

  get buffer(): SharedArrayBuffer {
    return this.memory.buffer as SharedArrayBuffer
  }

  get command(): number {
    return this.memory.seam.load(this.memory.i32, Word.command)
  }

  set command(value: number) {
    this.memory.seam.store(this.memory.i32, Word.command, value)
  }

  get status(): number {
    return this.memory.seam.load(this.memory.i32, Word.status)
  }

  set status(value: number) {
    this.memory.seam.store(this.memory.i32, Word.status, value)
  }

  get statusName(): (typeof statusNames)[number] {
    return statusNames[this.status] ?? "Idle"
  }

  /** Asks for a sign of life; `answered` is true once the worker gave it. Returns the question's number. */
  ping(): number {
    return this.memory.seam.add(this.memory.i32, Word.pings, 1) + 1
  }

  /** Answers every question so far. Called by the worker between messages. */
  pong(): void {
    const asked = this.memory.seam.load(this.memory.i32, Word.pings)
    this.memory.seam.store(this.memory.i32, Word.pongs, asked)
  }

  /** Whether the owner wants something, as far as a hint tells: looked at before each message. */
  get calls(): boolean {
    const { hints } = this.memory
    return hints[Word.command] !== Command.Run || hints[Word.pings] !== hints[Word.pongs]
  }

  /** Whether a question waits for its answer. */
  get asked(): boolean {
    return this.memory.seam.load(this.memory.i32, Word.pings) !== this.memory.seam.load(this.memory.i32, Word.pongs)
  }

  answered(question: number): boolean {
    return ((this.memory.seam.load(this.memory.i32, Word.pongs) - question) | 0) >= 0
  }

  /** Number of the last snapshot that the owner has. */
  get kept(): number {
    return this.memory.seam.load(this.memory.i32, Word.kept)
  }

  set kept(value: number) {
    this.memory.seam.store(this.memory.i32, Word.kept, value)
  }

  /**
   * The worker takes a frame in hand. Plain stores: they are for whoever looks later, or after a
   * death, and are made for every message.
   */
  begin(lane: number, number: number): void {
    const { i32 } = this.memory
    i32[Word.lane] = lane
    i32[Word.number] = number
    i32[Word.busy] = 1
    this.noted()
  }

  /** The worker takes a frame in hand again: whoever looks only now and then can tell that it had put it down. */
  retake(lane: number, number: number): void {
    const { i32 } = this.memory
    i32[Word.lane] = lane
    i32[Word.number] = number
    this.retaken = (this.retaken + 1) | 0 || 1
    i32[Word.busy] = this.retaken
    this.noted()
  }

  /** The worker has nothing in hand. */
  rest(): void {
    this.memory.i32[Word.busy] = 0
    this.memory.i32[Word.settled] = 0
    this.noted()
  }

  /** The frame in hand is not to be handled again, whatever becomes of the worker. */
  settle(): void {
    this.memory.i32[Word.settled] = 1
    this.noted()
  }

  /** Takes over what is in hand from a copy of the worker's block. Called by the owner, who alone has this memory. */
  see(block: Int32Array): void {
    const { i32 } = this.memory
    for (const word of handWords) i32[word] = block[word]
  }

  /** The worker dies of a message of this key group; so many of the group succeeded since the last that failed. */
  blame(group: number, since: number): void {
    this.memory.i32[Word.since] = since
    this.memory.seam.store(this.memory.i32, Word.blamed, group + 1)
  }

  /** The key group that a worker died of; -1 if it did not say. */
  get blamed(): number {
    return this.memory.seam.load(this.memory.i32, Word.blamed) - 1
  }

  get since(): number {
    return this.memory.seam.load(this.memory.i32, Word.since)
  }

  /** Whether a frame is in hand, and which time: 0 if none is, another number than the last if it was taken again. */
  get hand(): number {
    return this.memory.seam.load(this.memory.i32, Word.busy)
  }

  /** Whether a frame is in hand: `lane` and `number` say which. */
  get busy(): boolean {
    return this.hand !== 0
  }

  get lane(): number {
    return this.memory.seam.load(this.memory.i32, Word.lane)
  }

  get number(): number {
    return this.memory.seam.load(this.memory.i32, Word.number)
  }

  get settled(): boolean {
    return this.memory.seam.load(this.memory.i32, Word.settled) !== 0
  }

  /**
   * Since when a handler is past its deadline, was interrupted, and has not ended, the oldest of them: the last 32 bits
   * of a time in milliseconds; 0 if there is none.
   */
  get late(): number {
    return this.memory.seam.load(this.memory.i32, Word.late)
  }

  set late(value: number) {
    this.memory.seam.store(this.memory.i32, Word.late, value)
    this.noted()
  }

  /** Milliseconds that the message in hand may take; 0 if it says nothing of its own. */
  get allowed(): number {
    return this.memory.seam.load(this.memory.i32, Word.allowed)
  }

  set allowed(value: number) {
    this.memory.seam.store(this.memory.i32, Word.allowed, value)
    this.noted()
  }

  /** Whether the worker waits for somebody to take its outputs. */
  get crowded(): boolean {
    return this.memory.seam.load(this.memory.i32, Word.crowded) !== 0
  }

  set crowded(value: boolean) {
    this.memory.seam.store(this.memory.i32, Word.crowded, value ? 1 : 0)
    this.noted()
  }

  /** Forgets what a life that ended had in hand. Called by the owner, between two lives. */
  clear(): void {
    this.rest()
    this.late = 0
    this.crowded = false
    this.allowed = 0
    this.blame(-1, 0)
    this.measured(0, 0, 0)
  }

  /** How full the worker's heap is and what is beside it, in bytes. */
  measured(heap: number, buffers: number, limit: number): void {
    const { i32, seam } = this.memory
    seam.store(i32, Word.heap, Math.ceil(heap / kibi))
    seam.store(i32, Word.buffers, Math.ceil(buffers / kibi))
    seam.store(i32, Word.heapLimit, Math.floor(limit / kibi))
  }

  /** Bytes of the worker's heap that were in use when it was last measured; 0 if it never was. */
  get heap(): number {
    return this.memory.seam.load(this.memory.i32, Word.heap) * kibi
  }

  /** Bytes of buffers, which are beside the heap. */
  get buffers(): number {
    return this.memory.seam.load(this.memory.i32, Word.buffers) * kibi
  }

  /** Bytes that the heap may have. */
  get heapLimit(): number {
    return this.memory.seam.load(this.memory.i32, Word.heapLimit) * kibi
  }

  /** Messages and requests that the worker has handled. */
  get handled(): number {
    return Counter.read(this.memory, Word.handled)
  }

  set handled(value: number) {
    Counter.publish(this.memory, Word.handled, value, this.handledPublished)
    this.handledPublished = value
  }
}
