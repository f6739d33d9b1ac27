/**
 * What outlives a worker: how far it has read, how far it has written, and its state, as of one
 * moment. Its owner keeps the memory, so a thread that dies leaves the last entry to its successor;
 * a process has a copy, and tells its owner of each entry (`LedgerMirror`).
 *
 * A worker writes frames into lanes where nobody sees them yet, then commits an entry, and only
 * then publishes what it wrote and acknowledges what it read. After a death the successor does for
 * the last entry what may have been left undone: both are stores of cursors that the entry names, so
 * doing them twice is as good as once. What was written after the entry was never seen, and what was
 * read after it is still there. So each frame counts once, in the state and further down
 * (MillWheel calls it strong productions; here the producing is the lane's, not a copy).
 *
 * Entries take turns between two slips and two blocks of state. An entry is written where the last
 * one is not, and one store of `turn` makes it the last. The worker writes, the next one reads.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { SharedMemory } from "../../codec/Codec.ts"
import { ByteMemory } from "../../ring/ByteMemory.ts"
import type { Mark } from "../../ring/ReceiverPort.ts"

/**
 * A ledger on its way to a worker.
 *
 * @category schemas
 * @since 0.1.0
 */
export const LedgerHandle = Schema.Struct({
  slips: SharedMemory,
  even: SharedMemory,
  odd: SharedMemory,
  /** Lanes read, and lanes written. */
  lanes: Schema.Int,
  targets: Schema.Int,
  /** Elements, and milliseconds, after which a large state is saved. */
  every: Schema.Number,
  millis: Schema.Number
})

/**
 * @category models
 * @since 0.1.0
 */
export type LedgerHandle = typeof LedgerHandle.Type

/**
 * How far one lane was written, and how many of the frames that had no room at the last save went
 * into it since.
 *
 * @category models
 * @since 0.1.0
 */
export interface Written {
  position: number
  late: number
}

/**
 * The last entry.
 *
 * @category models
 * @since 0.1.0
 */
export interface Entry {
  readonly marks: ReadonlyArray<Mark>
  readonly written: ReadonlyArray<Written>
  /** Another number for each state that was saved. */
  readonly nth: number
  readonly state: Uint8Array
}

/** Most bytes of a state. */
const maxStateBytes = 2 ** 29

/** Words of a slip: which state, its bytes and its number, and two for each lane. */
const slipHead = 3
const firstSlip = 32
const slipWords = (lanes: number, targets: number): number => (slipHead + 2 * (lanes + targets) + 31) & ~31

/**
 * Makes the memory of a worker's ledger.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (lanes: number, targets: number, every: number, millis: number): LedgerHandle => {
  const block = () => new SharedArrayBuffer(4096, { maxByteLength: maxStateBytes })
  const words = firstSlip + 2 * slipWords(lanes, targets)
  return { slips: new SharedArrayBuffer(words * 4), even: block(), odd: block(), lanes, targets, every, millis }
}

/**
 * @category models
 * @since 0.1.0
 */
export class Ledger {
  readonly every: number
  readonly millis: number
  private readonly memory: ByteMemory
  private readonly blocks: readonly [SharedArrayBuffer, SharedArrayBuffer]
  private readonly lanes: number
  private readonly targets: number
  /** Which block has the last state, its bytes, and how many states were saved before. */
  private block = 0
  private bytes = 0
  private states = 0
  private turn: number

  constructor({ even, every, lanes, millis, odd, slips, targets }: LedgerHandle) {
    this.every = every
    this.millis = millis
    this.memory = new ByteMemory(slips)
    this.blocks = [even, odd]
    this.lanes = lanes
    this.targets = targets
    this.turn = this.memory.seam.load(this.memory.i32, 0)
  }

  private get slip(): number {
    return firstSlip + (this.turn & 1) * slipWords(this.lanes, this.targets)
  }

  /** Looks for entries of another writer: true if `read` would find a new one. */
  look(): boolean {
    const turn = this.memory.seam.load(this.memory.i32, 0)
    if (turn === this.turn) return false
    this.turn = turn
    return true
  }

  /** The last entry; undefined before the first. */
  read(): Entry | undefined {
    if (this.turn === 0) return undefined
    const { i32 } = this.memory
    const { slip } = this
    this.block = i32[slip]
    this.bytes = i32[slip + 1]
    this.states = i32[slip + 2]
    const pair = (at: number) => [i32[slip + slipHead + 2 * at], i32[slip + slipHead + 2 * at + 1]] as const
    return {
      marks: Array.from({ length: this.lanes }, (_, at) => {
        const [position, count] = pair(at)
        return { position, count }
      }),
      written: Array.from({ length: this.targets }, (_, at) => {
        const [position, late] = pair(this.lanes + at)
        return { position, late }
      }),
      nth: this.states,
      // A copy: what is decoded from it must not change under the reader.
      state: new Uint8Array(this.blocks[this.block], 0, this.bytes).slice()
    }
  }

  /** Commits an entry. Without `state` the last one stays. Throws a `RangeError` if the state is too large. */
  commit(marks: ReadonlyArray<Mark>, written: ReadonlyArray<Written>, state?: Uint8Array): void {
    if (state !== undefined) this.store(state)
    this.turn = (this.turn + 1) | 0 || 2
    const { i32, seam } = this.memory
    const { lanes, slip } = this
    i32[slip] = this.block
    i32[slip + 1] = this.bytes
    i32[slip + 2] = this.states
    for (let at = 0; at < marks.length; at++) {
      i32[slip + slipHead + 2 * at] = marks[at].position
      i32[slip + slipHead + 2 * at + 1] = marks[at].count
    }
    for (let at = 0; at < written.length; at++) {
      i32[slip + slipHead + 2 * (lanes + at)] = written[at].position
      i32[slip + slipHead + 2 * (lanes + at) + 1] = written[at].late
    }
    seam.store(i32, 0, this.turn)
  }

  private store(state: Uint8Array): void {
    if (state.length > maxStateBytes) {
      throw new RangeError(`its state takes ${state.length} bytes; at most ${maxStateBytes} can be saved`)
    }
    const next = 1 - this.block
    const block = this.blocks[next]
    if (block.byteLength < state.length)
      block.grow(Math.min(maxStateBytes, Math.max(state.length, 2 * block.byteLength)))
    new Uint8Array(block, 0, state.length).set(state)
    this.block = next
    this.bytes = state.length
    this.states = (this.states + 1) | 0
  }
}
