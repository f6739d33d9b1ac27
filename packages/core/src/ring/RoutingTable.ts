/**
 * Which worker owns which key group, shared with every thread that sends to a pool by key, and
 * changed under their feet without losing the order of a key.
 *
 * A sender announces the version of the table that it routes by before it reads the table, and
 * takes the announcement back once what it wrote is published (read-copy-update, after McKenney).
 * The owner changes the table, counts the version up, and waits until nobody announces an older one:
 * from then on nothing more goes where the old table said.
 *
 * The owner writes `version` and the entries; each sender writes its own announcement.
 *
 * @since 0.1.0
 */
import { native, type Seam } from "./atomics.ts"
import { ByteMemory } from "./ByteMemory.ts"
import { RingFault } from "./RingFault.ts"

const Word = { magic: 0, groups: 1, senders: 2, version: 3, first: 32 } as const
const magic = 0x534e5254

/** Words between two announcements: two cache lines. */
const stride = 32

const noTable = (): RingFault => new RingFault("layout", "the memory is no routing table", 0)

/** What the entry of a group says while its state is on the move. */
export const held = -1

/**
 * @category models
 * @since 0.1.0
 */
export class RoutingTable {
  readonly groups: number
  readonly senders: number
  private readonly memory: ByteMemory
  private readonly entries: number

  private constructor(memory: ByteMemory) {
    this.memory = memory
    this.groups = memory.i32[Word.groups]
    this.senders = memory.i32[Word.senders]
    this.entries = Word.first + this.senders * stride
  }

  /** @param senders most threads besides the owner's that send at once */
  static make(
    groups: number,
    senders: number,
    allocate: (bytes: number) => ArrayBufferLike = (bytes) => new SharedArrayBuffer(bytes),
    seam: Seam = native
  ): RoutingTable {
    const memory = new ByteMemory(allocate((Word.first + senders * stride + groups) * 4), seam)
    memory.i32[Word.magic] = magic
    memory.i32[Word.groups] = groups
    memory.i32[Word.senders] = senders
    memory.i32[Word.version] = 1
    return new RoutingTable(memory)
  }

  /** Opens a table that another thread made. Memory that is none is refused. */
  static open(buffer: ArrayBufferLike, seam: Seam = native): RoutingTable {
    if (buffer.byteLength < Word.first * 4) throw noTable()
    return RoutingTable.over(new ByteMemory(buffer, seam))
  }

  /** As `open`, over views that exist already. */
  static over(memory: ByteMemory): RoutingTable {
    const { buffer, i32 } = memory
    const words = Word.first + i32[Word.senders] * stride + i32[Word.groups]
    if (i32[Word.magic] !== magic || words * 4 !== buffer.byteLength) throw noTable()
    return new RoutingTable(memory)
  }

  get buffer(): SharedArrayBuffer {
    return this.memory.buffer as SharedArrayBuffer
  }

  /** Index of the worker that owns a group, or `held`. */
  workerOf(group: number): number {
    return this.memory.seam.load(this.memory.i32, this.entries + group)
  }

  /** Changes entries and counts the version up; returns the new version. Owner only. */
  change(entries: Iterable<readonly [group: number, worker: number]>): number {
    const { i32, seam } = this.memory
    for (const [group, worker] of entries) seam.store(i32, this.entries + group, worker)
    return seam.add(i32, Word.version, 1) + 1
  }

  /**
   * Whether no sender that `isThere` still routes by a version before `version`: one whose thread
   * is gone takes nothing back. Owner only.
   */
  settled(version: number, isThere: (sender: number) => boolean): boolean {
    const { i32, seam } = this.memory
    for (let sender = 0; sender < this.senders; sender++) {
      const announced = seam.load(i32, Word.first + sender * stride)
      if (announced !== 0 && announced !== version && isThere(sender)) return false
    }
    return true
  }

  /** Announces that `sender` routes by the table as it is now. */
  enter(sender: number): void {
    const { i32, seam } = this.memory
    const at = Word.first + sender * stride
    for (;;) {
      const version = seam.load(i32, Word.version)
      seam.store(i32, at, version)
      // Changed in between: the owner may not have seen the announcement.
      if (seam.load(i32, Word.version) === version) return
    }
  }

  /** Takes the announcement back: everything routed by it is published. */
  leave(sender: number): void {
    this.memory.seam.store(this.memory.i32, Word.first + sender * stride, 0)
  }
}
