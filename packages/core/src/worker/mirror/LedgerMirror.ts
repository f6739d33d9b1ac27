/**
 * A ledger in two memories: the worker writes its own, and the owner's follows.
 *
 * The worker's mirror sends an entry once everything that it says was written has gone, and so it
 * arrives behind it in the same stream of bytes. The owner's mirror shows frames of the worker to
 * nobody before an entry covers them, and then does in one turn what the entry says: it commits the
 * entry, publishes what was written and acknowledges what was read. So a worker that dies leaves an
 * entry and lanes that agree, whatever of its last bytes had arrived: what came after the last entry
 * was never seen, and nothing before it is left to be done.
 *
 * An entry as bytes: how many lanes were read, how many were written, whether a state follows, and 0;
 * two words for each lane; the state. Entries that the owner's end has not been sent are passed over:
 * the last one says it all.
 *
 * @since 0.1.0
 */
import type { Mark } from "../../ring/ReceiverPort.ts"
import { RingFault } from "../../ring/RingFault.ts"
import { Ledger, type LedgerHandle, type Written } from "../ties/Ledger.ts"
import type { LaneSource, LaneTarget } from "./LaneMirror.ts"

const headWords = 4

/**
 * The side of the worker.
 *
 * @category models
 * @since 0.1.0
 */
export class LedgerSource {
  private readonly ledger: Ledger
  private due = false
  /** Number of the state that the owner has. */
  private known: number | undefined

  constructor(handle: LedgerHandle) {
    this.ledger = new Ledger(handle)
    this.known = this.ledger.read()?.nth
  }

  /** Looks whether there is an entry that the owner has not. */
  look(): boolean {
    if (this.ledger.look()) this.due = true
    return this.due
  }

  /** The last entry as bytes. */
  take(): Uint8Array {
    this.due = false
    const { marks, nth, state, written } = this.ledger.read()!
    const words = headWords + 2 * (marks.length + written.length)
    const isNew = nth !== this.known
    this.known = nth
    const bytes = new Uint8Array(4 * words + (isNew ? state.length : 0))
    const head = new Int32Array(bytes.buffer, 0, words)
    head.set([marks.length, written.length, isNew ? 1 : 0, 0])
    let at = headWords
    for (const { count, position } of marks) {
      head[at++] = position
      head[at++] = count
    }
    for (const { late, position } of written) {
      head[at++] = position
      head[at++] = late
    }
    if (isNew) bytes.set(state, 4 * words)
    return bytes
  }
}

/**
 * The side of the owner. `read` are the lanes that entries acknowledge, `written` those that they
 * publish; undefined where nothing is ever sent.
 *
 * @category models
 * @since 0.1.0
 */
export class LedgerTarget {
  private readonly ledger: Ledger
  private readonly read: ReadonlyArray<LaneSource>
  private readonly written: ReadonlyArray<LaneTarget | undefined>

  constructor(ledger: Ledger, read: ReadonlyArray<LaneSource>, written: ReadonlyArray<LaneTarget | undefined>) {
    this.ledger = ledger
    this.read = read
    this.written = written
  }

  /** Does what an entry says. Throws a `RingFault` if it does not fit the lanes. */
  take(bytes: Uint8Array): void {
    const head = words(bytes, 0, headWords)
    const [lanes, targets, hasState] = head
    if ((this.read.length > 0 && lanes !== this.read.length) || targets !== this.written.length) {
      throw new RingFault("corrupt", `mirror: an entry of ${lanes} and ${targets} lanes`)
    }
    const pairs = words(bytes, headWords, 2 * (lanes + targets))
    const marks = Array.from({ length: lanes }, (_, at): Mark => ({
      position: pairs[2 * at],
      count: pairs[2 * at + 1]
    }))
    const written = Array.from({ length: targets }, (_, at): Written => {
      const first = 2 * (lanes + at)
      return { position: pairs[first], late: pairs[first + 1] }
    })
    for (const [at, target] of this.written.entries()) target?.check(written[at].position)
    const state = hasState === 0 ? undefined : bytes.subarray(4 * (headWords + pairs.length))
    this.ledger.commit(marks, written, state)
    for (const target of this.written) target?.publish()
    for (const [at, source] of this.read.entries()) {
      const { count, position } = marks[at]
      source.apply({ acked: position, ackedCount: count, read: position })
    }
  }
}

/** Some words of bytes that may lie anywhere. */
const words = (bytes: Uint8Array, from: number, count: number): Int32Array => {
  if (bytes.length < 4 * (from + count)) throw new RingFault("corrupt", `mirror: an entry of ${bytes.length} bytes`)
  return new Int32Array(bytes.slice(4 * from, 4 * (from + count)).buffer)
}
