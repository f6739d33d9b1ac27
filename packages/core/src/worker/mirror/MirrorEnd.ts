/**
 * One end of a mirror: what ties a worker to its owner, `Links`, kept the same in two memories that
 * are joined by a stream of bytes.
 *
 * ```
 * owner                                    worker
 * mailbox   LaneSource ──── Frames ──────▶ LaneTarget   mailbox
 *                      ◀─── Cursors ──────
 * signals   LaneSource, as the mailbox
 * replies   LaneTarget ◀─── Frames ─────── LaneSource   replies
 *                      ──── Cursors ─────▶
 * outputs   LaneTarget, as the replies, and before them
 * control   words 0–31 ──── Control ─────▶ words 0–31
 *           words 32–63 ◀── Control ────── words 32–63
 * ```
 *
 * After these come the worker's ties to others, if it has any (`TiesMirror`). Both ends are the same code. Outputs go before replies: a snapshot says that they are there. What was published goes before what was acknowledged, so an owner
 * that sees a request handled has its reply; commands go before both, except for the one to stop:
 * a worker obeys it when its mailbox is empty, so everything sent before it must be there.
 *
 * @since 0.1.0
 */
import { Outbox } from "../../channel/Post.ts"
import { Command, type ControlBlock } from "../../ring/ControlBlock.ts"
import { Endpoint, EndpointState, endpointIndex } from "../../ring/layout.ts"
import type { Mesh } from "../../ring/Mesh.ts"
import { RingFault } from "../../ring/RingFault.ts"
import { Found, LaneSource, type LaneStart, type LaneTarget } from "./LaneMirror.ts"
import type { LedgerSource, LedgerTarget } from "./LedgerMirror.ts"
import * as Parcels from "./Parcels.ts"
import * as Records from "./Records.ts"
import { Watch } from "./Watch.ts"

const { RecordKind } = Records

/** Bytes of frames sent at once, about. */
const runBytes = 65_536

/** Each side of a `ControlBlock` writes 32 words. */
const controlWords = 32

/**
 * Sends bytes to the other end; false if it would rather not be given more for now.
 *
 * @category models
 * @since 0.1.0
 */
export type Send = (bytes: Uint8Array) => boolean

/**
 * @category models
 * @since 0.1.0
 */
export interface EndOptions {
  readonly control: ControlBlock
  /** Which 32 words of the control block this side writes: the first or the second. */
  readonly writes: 0 | 1
  /** Whether nothing of the other sources goes before the first has sent everything. */
  readonly leads: boolean
  /** Wakes whoever obeys the words of the other side. */
  readonly onControl: () => void
  readonly send: Send
}

/**
 * @category models
 * @since 0.1.0
 */
export class MirrorEnd {
  readonly watch: Watch
  readonly targets: Array<LaneTarget> = []
  private readonly sources: Array<LaneSource> = []
  private readonly parcels: Array<Parcels.Parcels> = []
  /** Where the first lanes are that no command waits for. */
  private ties = Infinity
  /** The worker's ledgers: at its own end what it tells of them, at the owner's what is made of that. */
  readonly ledgersOut: Array<LedgerSource> = []
  readonly ledgersIn: Array<LedgerTarget> = []
  private readonly options: EndOptions
  private readonly control: ControlBlock
  private readonly told = new Int32Array(controlWords)
  private readonly outboxes: Array<Outbox | undefined> = []
  private readonly reader = new Records.RecordReader((...record) => this.take(...record))
  private arriving: Array<ArrayBuffer> = []
  private choked = false
  private asked = false

  constructor(options: EndOptions) {
    this.options = options
    this.control = options.control
    this.watch = new Watch(
      () => this.flush(),
      () => this.isBusy
    )
  }

  /** Sends what a lane has; `parcels` are those of its receiver. */
  add(source: LaneSource, parcels: Parcels.Parcels): void {
    this.sources.push(source)
    this.parcels.push(parcels)
    parcels.onArrival = this.watch.nudge
  }

  /** Sends what all lanes of a receiver have, whose endpoint this end holds. */
  addSources(mesh: Mesh, receiver: number): ReadonlyArray<LaneSource> {
    const parcels = Parcels.of(mesh, receiver)
    this.watch.add(mesh.memory, endpointIndex(mesh.receiverEndpoint(receiver)) + Endpoint.bell)
    return Array.from({ length: mesh.senders }, (_, sender) => {
      const source = new LaneSource(mesh, sender, receiver)
      this.add(source, parcels)
      return source
    })
  }

  /** Takes what a lane has, whose sender's endpoint this end holds; gives where the other end begins. */
  addTarget(target: LaneTarget): LaneStart {
    const { mesh, position, sender } = target
    const { acked, ackedCount } = target.cursors
    this.targets.push(target)
    this.watch.add(mesh.memory, endpointIndex(sender) + Endpoint.bell)
    // A producer tells how far its predecessors have counted.
    return { position, count: (mesh.producer(sender, 0).lastSequence + 1) | 0, acked, ackedCount }
  }

  /** What is added from here on are ties of the worker to others: it stops without having taken all of it. */
  tie(): void {
    this.ties = this.sources.length
  }

  private get isOwner(): boolean {
    return this.options.writes === 0
  }

  private get isBusy(): boolean {
    return this.asked || this.targets.some((target) => target.isBusy)
  }

  /** Whether everything published here has been sent. */
  get isDry(): boolean {
    return this.sources.every((source) => source.isDry) && !this.ledgersOut.some((ledger) => ledger.look())
  }

  /** Sends what has changed; true if something had. */
  flush(): boolean {
    let changed = this.sendControl()
    while (this.sendFrames()) changed = true
    if (this.sendEntries()) changed = true
    this.settle()
    for (let lane = 0; lane < this.targets.length; lane++) {
      const target = this.targets[lane]
      if (!target.look() || (target.byEntry && !this.isOwner)) continue
      const { acked, ackedCount, read } = target.cursors
      const record = Records.make(RecordKind.Cursors, lane, acked, ackedCount, 4)
      new Int32Array(record.buffer)[4] = read
      this.send(record)
      changed = true
    }
    return this.sendControl() || changed
  }

  /** Publishes what has come, but for what waits for an entry. */
  private settle(): void {
    for (let lane = 0; lane < this.targets.length; lane++) {
      const target = this.targets[lane]
      if (!target.byEntry || !this.isOwner) target.publish()
    }
  }

  private send(record: Uint8Array): void {
    if (!this.options.send(record)) this.choked = true
  }

  /** The stream takes more again. */
  resume(): void {
    this.choked = false
    this.watch.nudge()
  }

  private sendControl(): boolean {
    const { memory } = this.control
    const first = this.options.writes * controlWords
    if (this.isOwner && this.control.command === Command.Stop && this.sources.some(this.isOwed)) return false
    let changed = false
    for (let word = 0; word < controlWords; word++) {
      const value = memory.seam.load(memory.i32, first + word)
      if (value === this.told[word]) continue
      this.told[word] = value
      changed = true
    }
    if (!changed) return false
    this.asked = false
    this.send(Records.of(RecordKind.Control, 0, 0, 0, new Uint8Array(this.told.buffer)))
    return true
  }

  private readonly isOwed = (source: LaneSource, at: number): boolean => at < this.ties && !source.isDry

  /** The last entry of each ledger, once all that it says was written has gone; true if one was sent. */
  private sendEntries(): boolean {
    const { ledgersOut, sources, ties } = this
    let sent = false
    for (let at = 0; at < ledgersOut.length && !this.choked; at++) {
      if (!ledgersOut[at].look()) continue
      for (let lane = ties; lane < sources.length; lane++) if (!sources[lane].isDry) return sent
      this.send(Records.of(RecordKind.Entry, at, 0, 0, ledgersOut[at].take()))
      sent = true
    }
    return sent
  }

  /** One run of each lane; true if one was sent. */
  private sendFrames(): boolean {
    let sent = false
    for (let lane = 0; lane < this.sources.length && !this.choked; lane++) {
      if (lane > 0 && this.options.leads && !this.sources[0].isDry) return sent
      const source = this.sources[lane]
      let found = source.next(runBytes)
      if (found === Found.Buffers) {
        if (!this.sendBuffers(lane, source)) continue
        found = source.next(runBytes)
      }
      if (found !== Found.Run) continue
      const { bytes, frames, mesh, offset, position } = source
      this.send(Records.head(RecordKind.Frames, lane, position, frames, bytes))
      // As it lies there: it stays until it is acknowledged, and so at least until it has been sent.
      this.send(mesh.memory.u8.subarray(offset, offset + bytes))
      source.advance()
      sent = true
    }
    return sent
  }

  private sendBuffers(lane: number, source: LaneSource): boolean {
    const { beside, sequence } = source
    const buffers = this.parcels[lane].take(source)
    if (buffers === undefined) return false
    for (const [index, buffer] of buffers.entries()) {
      // Memory that is to be shared cannot be: without its bytes, the frame does not decode.
      const whole = buffer instanceof ArrayBuffer || (beside && index === 0)
      const bytes = whole ? new Uint8Array(buffer) : new Uint8Array(0)
      this.send(Records.of(RecordKind.Buffer, lane, sequence, buffers.length - 1 - index, bytes))
    }
    if (buffers.length === 0) this.send(Records.make(RecordKind.Buffer, lane, sequence, -1, 0))
    source.clear()
    return true
  }

  /** Takes bytes from the other end. Throws a `RingFault` if they are not what it would send. */
  receive(bytes: Uint8Array): void {
    // A plain view: subclasses slice without copying.
    this.reader.push(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    this.settle()
    this.watch.nudge()
  }

  private take(kind: number, lane: number, a: number, b: number, payload: Uint8Array): void {
    switch (kind) {
      case RecordKind.Frames:
        return this.target(lane).put(a, b, payload)
      case RecordKind.Buffer:
        if (b >= 0) this.arriving.push(payload.slice().buffer)
        if (b > 0) return
        this.outbox(lane).post(a, this.arriving)
        this.arriving = []
        return
      case RecordKind.Cursors: {
        const source = this.sources[lane]
        if (source === undefined) throw new RingFault("corrupt", `mirror: there is no lane ${lane}`)
        const read = new DataView(payload.buffer, payload.byteOffset, payload.byteLength).getInt32(0, true)
        source.apply({ acked: a, ackedCount: b, read })
        return this.parcels[lane].prune(source)
      }
      case RecordKind.Control:
        return this.obey(payload)
      case RecordKind.Entry:
        if (this.ledgersIn[lane] === undefined) throw new RingFault("corrupt", `mirror: there is no ledger ${lane}`)
        return this.ledgersIn[lane].take(payload)
      default:
        throw new RingFault("corrupt", `mirror: a record of kind ${kind}`)
    }
  }

  private target(lane: number): LaneTarget {
    const target = this.targets[lane]
    if (target === undefined) throw new RingFault("corrupt", `mirror: there is no lane ${lane}`)
    return target
  }

  private outbox(lane: number): Outbox {
    const target = this.target(lane)
    const { mesh, receiver, sender } = target
    const endpoint = mesh.receiverEndpoint(receiver)
    return (this.outboxes[lane] ??= Outbox.of(
      { mesh: mesh.id, sender, receiver },
      {
        isAcked: (sequence) => target.isAcked(sequence),
        isWanted: () => !mesh.isShut,
        incarnation: () =>
          mesh.state(endpoint) === EndpointState.Dead ? -1 : mesh.endpoint(endpoint, Endpoint.generation)
      }
    ))
  }

  private obey(payload: Uint8Array): void {
    const { memory } = this.control
    const first = (1 - this.options.writes) * controlWords
    const words = new Int32Array(payload.slice().buffer)
    for (let word = 0; word < controlWords; word++) {
      if (memory.seam.load(memory.i32, first + word) === words[word]) continue
      memory.seam.store(memory.i32, first + word, words[word])
      memory.seam.notify(memory.i32, first + word)
    }
    // What a worker makes of them rings no bell.
    this.asked = this.options.writes === 1
    this.options.onControl()
  }

  close(): void {
    this.watch.close()
    for (const parcels of this.parcels) parcels.onArrival = () => {}
    for (const outbox of this.outboxes) outbox?.close()
  }
}
