/**
 * The ties of a worker in two memories, over the same mirror as its links: the lanes of its mailbox
 * and of its outlets, and its ledger.
 *
 * ```
 * owner                                     worker
 * mailbox   LaneSources ──── Frames ──────▶ LaneTargets  mailbox
 *                       ◀─── Cursors ──────
 * outlets   LaneTargets ◀─── Frames ─────── LaneSources  outlets
 *                       ──── Cursors ─────▶
 * ledger    LedgerTarget ◀── Entry ──────── LedgerSource ledger
 * ```
 *
 * With a ledger, its entries tell how far the mailbox was read, and which frames of the outlets count. A
 * worker may have several of each.
 *
 * The worker's channels have the shape of the owner's, so handles fit both: in the argument of `init`
 * nothing changes but the memory that it mentions. What of that shape is never used takes no room.
 *
 * @since 0.1.0
 */
import * as Registry from "../../channel/Registry.ts"
import * as ThreadIdentity from "../../channel/ThreadIdentity.ts"
import { Endpoint, endpointIndex } from "../../ring/layout.ts"
import { Mesh } from "../../ring/Mesh.ts"
import { RingFault } from "../../ring/RingFault.ts"
import { type Entry, Ledger, type LedgerHandle, make as makeLedger } from "../ties/Ledger.ts"
import type { Ties } from "../ties/Ties.ts"
import { begin, LaneSource, type LaneStart, LaneTarget } from "./LaneMirror.ts"
import { LedgerSource, LedgerTarget } from "./LedgerMirror.ts"
import type { MirrorEnd } from "./MirrorEnd.ts"
import * as Parcels from "./Parcels.ts"

/** A channel to be made anew; the memory that names it is number `memory` of what `init` mentions. */
interface Half {
  readonly memory: number
  readonly slot: number
  readonly shape: Pick<Mesh, "senders" | "laneBytes" | "laneMessages" | "fingerprint" | "awaitSuccessor">
  /** Whether a ledger says what of it counts. */
  readonly byEntry: boolean
  readonly lanes: ReadonlyArray<LaneStart>
}

interface Book extends Pick<LedgerHandle, "lanes" | "targets" | "every" | "millis"> {
  /** Numbers of its memories. */
  readonly slips: number
  readonly even: number
  readonly odd: number
  readonly entry: Entry | undefined
}

/**
 * What the worker's end must know of the ties. Plain data.
 *
 * @category models
 * @since 0.1.0
 */
export interface TiesStart {
  /** How much memory `init` mentions. */
  readonly memories: number
  readonly mailboxes: ReadonlyArray<Half>
  readonly outlets: ReadonlyArray<Half>
  readonly ledgers: ReadonlyArray<Book>
}

/** How the owner's end of a mirror takes an endpoint of its memory for the worker. */
type Claim = (memory: ArrayBufferLike, half: "sender" | "receiver", slot: number) => Mesh

/**
 * The owner's end: adds the ties to its end of the mirror. `memories` is what the argument of `init`
 * mentions. Throws a `RingFault` if an endpoint is not to be had.
 *
 * @category constructors
 * @since 0.1.0
 */
export const own = (
  ties: ReadonlyArray<Ties<unknown>>,
  memories: ReadonlyArray<ArrayBufferLike>,
  claim: Claim,
  end: MirrorEnd
): TiesStart => {
  const mailboxes: Array<Half> = []
  const halves: Array<Half> = []
  const ledgers: Array<Book> = []
  const at = (memory: ArrayBufferLike) => memories.indexOf(memory)
  const half = (mesh: Mesh, slot: number, byEntry: boolean, lanes: ReadonlyArray<LaneStart>): Half => {
    const { awaitSuccessor, fingerprint, laneBytes, laneMessages, receivers, senders } = mesh
    if (receivers !== 1) throw new RingFault("refused", `a channel of ${receivers} receivers; ties have one`)
    const shape = { senders, laneBytes, laneMessages, fingerprint, awaitSuccessor }
    return { memory: at(mesh.memory.buffer), slot, shape, byEntry, lanes }
  }
  end.tie()
  for (const { ledger, mailbox, outlets } of ties) {
    const byEntry = ledger !== null
    let sources: ReadonlyArray<LaneSource> = []
    if (mailbox !== null) {
      const { memory, slot } = mailbox
      const mesh = claim(memory, "receiver", slot)
      sources = end.addSources(mesh, slot)
      const starts = sources.map(({ start }) => start)
      mailboxes.push(half(mesh, slot, byEntry, starts))
    }
    const targets = outlets.flat().map(({ memory, slot }): LaneTarget | undefined => {
      if (slot < 0) return undefined
      const mesh = claim(memory, "sender", slot)
      const target = new LaneTarget(mesh, slot, 0, byEntry)
      halves.push(half(mesh, slot, byEntry, [end.addTarget(target)]))
      return target
    })
    if (ledger === null) continue
    const { even, every, lanes, millis, odd, slips } = ledger
    const book = new Ledger(ledger)
    const entry = book.read()
    end.ledgersIn.push(new LedgerTarget(book, sources, targets))
    const numbers = { slips: at(slips), even: at(even), odd: at(odd) }
    ledgers.push({ ...numbers, every, lanes, millis, targets: ledger.targets, entry })
  }
  return { memories: memories.length, mailboxes, outlets: halves, ledgers }
}

/**
 * The worker's end: adds the ties to its end of the mirror, and gives the memory that the argument of
 * `init` mentions here.
 *
 * @category constructors
 * @since 0.1.0
 */
export const serve = ({ ledgers, mailboxes, memories, outlets }: TiesStart, end: MirrorEnd): Array<ArrayBufferLike> => {
  const here = ThreadIdentity.current()
  const made = new Map<number, Mesh>()
  const open = ({ memory, shape }: Half): Mesh => {
    const known = made.get(memory)
    if (known !== undefined) return known
    const mesh = Mesh.make({ ...shape, receivers: 1, id: Registry.randomId() })
    mesh.reserve("receiver")
    made.set(memory, mesh)
    return mesh
  }
  end.tie()
  for (const mailbox of mailboxes) {
    const mesh = open(mailbox)
    for (const [sender, lane] of mailbox.lanes.entries()) {
      mesh.reserve("sender")
      mesh.claim(sender, here)
      begin(mesh, sender, 0, lane)
      end.targets.push(new LaneTarget(mesh, sender, 0, mailbox.byEntry))
      // One bell for all of them.
      mesh.memory.seam.store(mesh.memory.i32, endpointIndex(sender) + Endpoint.bellOf, 0)
    }
    end.watch.add(mesh.memory, endpointIndex(0) + Endpoint.bell)
  }
  for (const outlet of outlets) {
    const isFirst = !made.has(outlet.memory)
    const mesh = open(outlet)
    mesh.reserveSender(outlet.slot)
    const [lane] = outlet.lanes
    begin(mesh, outlet.slot, 0, lane)
    end.add(new LaneSource(mesh, outlet.slot, 0, lane.position), Parcels.of(mesh, 0))
    if (!isFirst) continue
    mesh.claim(mesh.receiverEndpoint(0), here)
    end.watch.add(mesh.memory, endpointIndex(mesh.receiverEndpoint(0)) + Endpoint.bell)
  }
  // A place that nothing is sent to is mentioned all the same.
  const mentioned = Array.from({ length: memories }, (): ArrayBufferLike => new SharedArrayBuffer(0))
  for (const [at, mesh] of made) mentioned[at] = mesh.memory.buffer
  for (const { entry, even, every, lanes, millis, odd, slips, targets } of ledgers) {
    const handle = makeLedger(lanes, targets, every, millis)
    if (entry !== undefined) new Ledger(handle).commit(entry.marks, entry.written, entry.state)
    end.ledgersOut.push(new LedgerSource(handle))
    mentioned[slips] = handle.slips
    mentioned[even] = handle.even
    mentioned[odd] = handle.odd
  }
  return mentioned
}
