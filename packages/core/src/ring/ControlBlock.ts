/**
 * The words through which a worker is commanded and watched, beside its mailbox, so that a command
 * overtakes every message: the worker looks at one word between two messages.
 *
 * The owner writes `command`, `pings` and `kept`, the worker everything else; between two lives the owner
 * clears what the last one left.
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
  settled: 40
} as const

/**
 * What the owner wants: go on, hold on, or finish what is in the mailbox and end.
 *
 * @category models
 * @since 0.1.0
 */
export const Command = { Run: 0, Pause: 1, Stop: 2 } as const

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
  private handledPublished = 0

  constructor(memory: SharedArrayBuffer | ByteMemory) {
    this.memory = memory instanceof SharedArrayBuffer ? new ByteMemory(memory) : memory
    this.handledPublished = this.handled
  }

  static make(): ControlBlock {
    return new ControlBlock(new SharedArrayBuffer(256))
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
  }

  /** The worker has nothing in hand. */
  rest(): void {
    this.memory.i32[Word.busy] = 0
    this.memory.i32[Word.settled] = 0
  }

  /** The frame in hand is not to be handled again, whatever becomes of the worker. */
  settle(): void {
    this.memory.i32[Word.settled] = 1
  }

  /** Whether a frame is in hand: `lane` and `number` say which. */
  get busy(): boolean {
    return this.memory.seam.load(this.memory.i32, Word.busy) !== 0
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

  /** Handlers that are past their deadline, were interrupted, and have not ended. */
  get late(): number {
    return this.memory.seam.load(this.memory.i32, Word.late)
  }

  set late(value: number) {
    this.memory.seam.store(this.memory.i32, Word.late, value)
  }

  /** Forgets what a life that ended had in hand. Called by the owner, between two lives. */
  clear(): void {
    this.rest()
    this.late = 0
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
