/**
 * A worker whose memory is another reads from two senders, keeps a state and writes on, and is lost again and again,
 * after any byte of what it says: what its successors make of what it left is as if nobody had been lost.
 */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import type { ReceiverHandle, SenderHandle } from "../../../src/channel/Handle.ts"
import * as ThreadIdentity from "../../../src/channel/ThreadIdentity.ts"
import { ControlBlock } from "../../../src/ring/ControlBlock.ts"
import { Kind } from "../../../src/ring/Frame.ts"
import { Mesh } from "../../../src/ring/Mesh.ts"
import { ReceiverPort } from "../../../src/ring/ReceiverPort.ts"
import { SenderPort } from "../../../src/ring/SenderPort.ts"
import * as OwnerMirror from "../../../src/worker/mirror/OwnerMirror.ts"
import * as Records from "../../../src/worker/mirror/Records.ts"
import * as WorkerMirror from "../../../src/worker/mirror/WorkerMirror.ts"
import * as Ledger from "../../../src/worker/ties/Ledger.ts"
import type { Ties } from "../../../src/worker/ties/Ties.ts"
import type { Links } from "../../../src/worker/Workers.ts"
import { mesh, turn } from "./support.ts"

const here = ThreadIdentity.current()

const laneBytes = 256

const heard = ({ memory }: Mesh): ReceiverHandle<unknown> => ({
  _tag: "ReceiverHandle",
  channel: "",
  memory: memory.buffer as SharedArrayBuffer,
  slot: 0,
  wait: "park",
  ack: "after"
})

const said = ({ memory }: Mesh, slot: number): SenderHandle<unknown> => ({
  _tag: "SenderHandle",
  channel: "",
  memory: memory.buffer as SharedArrayBuffer,
  slot,
  wait: "park",
  unbounded: false
})

/** An owner's memory: two senders, a worker between, and a receiver, whose first place for a sender is another's. */
const makeOwner = () => {
  const mailbox = mesh(2, laneBytes)
  const outlet = mesh(2, laneBytes)
  const ledger = Ledger.make(2, 1, Infinity, Infinity)
  const ties: Ties<unknown> = { _tag: "Ties", mailbox: heard(mailbox), outlets: [[said(outlet, 1)]], ledger }
  const links: Links = {
    workerId: "w/0",
    mailbox: heard(mesh(1, laneBytes)),
    replies: said(mesh(1, laneBytes), 0),
    control: ControlBlock.make().buffer,
    fingerprints: {},
    urgent: 0,
    initData: new Uint8Array(0),
    initAttachments: [mailbox.memory.buffer, ledger.slips, outlet.memory.buffer, ledger.odd, ledger.even]
  }
  return {
    ties,
    links,
    senders: [0, 1].map((sender) => SenderPort.attach(mailbox, sender, here)),
    receiver: ReceiverPort.attach(outlet, 0, here)
  }
}

const put = (port: SenderPort, ...words: ReadonlyArray<number>): boolean => {
  const offset = port.reserve(4 * words.length)
  if (offset < 0) return false
  words.forEach((word, at) => (port.mesh.memory.i32[(offset >> 2) + at] = word))
  port.commit(4 * words.length, Kind.Data)
  return true
}

const take = (port: ReceiverPort, words: number): Array<number> | undefined => {
  if (port.next() === Kind.Empty) return undefined
  const { i32 } = port.mesh.memory
  const found = Array.from({ length: words }, (_, at) => i32[(port.lane.offset >> 2) + at])
  port.advance()
  return found
}

/**
 * A worker that sends, for each number, its sender and the sum of all its numbers. `batch` is how many it takes between
 * two entries; every third entry has the state of the one before, and what has no room then comes late.
 */
const makeWorker = (ties: Ties<unknown>, attachments: ReadonlyArray<ArrayBufferLike>, batch: number) => {
  const [mail, slips, out, odd, even] = attachments as ReadonlyArray<SharedArrayBuffer>
  const reader = ReceiverPort.attach(Mesh.open(mail), 0, here)
  const writer = SenderPort.attach(Mesh.open(out), ties.outlets[0][0].slot, here)
  const ledger = new Ledger.Ledger({ ...ties.ledger!, slips, odd, even })
  const entry = ledger.read()
  const words = entry === undefined ? [0, 0] : Array.from(new Int32Array(entry.state.slice().buffer))
  const sums = words.slice(0, 2)
  /** What had no room: sender and sum. */
  let late = entry?.written[0].late ?? 0
  const waiting = words.slice(2 + 2 * late)
  const write = (): void => {
    while (waiting.length > 0 && put(writer, waiting[0], waiting[1])) {
      waiting.splice(0, 2)
      late += 1
    }
  }
  const written = () => [{ position: writer.lane()!.position, late }]
  return () => {
    if (waiting.length > 0) {
      // As a subtask that waits for room: the state is saved already.
      const before = late
      write()
      if (late === before) return
      ledger.commit(reader.marks(), written())
      writer.publish()
      return
    }
    let taken = 0
    for (; taken < batch; taken++) {
      const found = take(reader, 1)
      if (found === undefined) break
      const { sender } = reader
      sums[sender] += found[0]
      waiting.push(sender, sums[sender])
      write()
    }
    if (taken === 0) return
    late = 0
    const marks = reader.marks()
    ledger.commit(marks, written(), new Uint8Array(new Int32Array([...sums, ...waiting]).buffer))
    writer.publish()
    reader.publishRead()
    for (const [lane, { count, position }] of marks.entries()) reader.ackTo(lane, position, count)
  }
}

/** Runs one life of the worker until `bytes` of what it says have come, or `isOver`. */
const live = async (
  { links, ties }: ReturnType<typeof makeOwner>,
  bytes: number,
  batch: number,
  piece: number,
  isOver: () => boolean
): Promise<void> => {
  let left = bytes
  let dead = false
  const streams: Array<() => void> = []
  const stream = (to: () => { receive(bytes: Uint8Array): void }, from: () => { resume(): void }, counted: boolean) => {
    const waiting: Array<Uint8Array> = []
    streams.push(() => {
      for (const bytes of waiting.splice(0)) {
        for (let at = 0; at < bytes.length && !dead; at += piece) {
          const part = bytes.subarray(at, Math.min(at + piece, bytes.length, counted ? at + left : Infinity))
          to().receive(part)
          if (counted && (left -= part.length) <= 0) dead = true
        }
      }
      from().resume()
    })
    // One that is choked by each record.
    return (bytes: Uint8Array) => {
      waiting.push(bytes.slice())
      return false
    }
  }
  const owner: OwnerMirror.OwnerMirror = OwnerMirror.make(
    links,
    ThreadIdentity.makeVirtual(),
    stream(
      () => worker,
      () => owner,
      false
    ),
    [ties]
  )
  const worker: WorkerMirror.WorkerMirror = WorkerMirror.make(
    structuredClone(owner.start),
    stream(
      () => owner,
      () => worker,
      true
    )
  )
  const work = makeWorker(ties, worker.links.initAttachments, batch)
  for (;;) {
    if (dead || isOver()) break
    work()
    for (const bring of streams) bring()
    await turn()
  }
  dead = true
  owner.close()
}

const total = 60

const lives = fc.record({
  deaths: fc.array(fc.integer({ min: 1, max: 3000 }), { maxLength: 12 }),
  batch: fc.integer({ min: 1, max: 9 }),
  piece: fc.constantFrom(1, 13, 65_536)
})

describe("The ties of a worker whose memory is another", () => {
  it("count each message once, in its state and further on, whenever it is lost", async () => {
    let lost = 0
    await fc.assert(
      fc.asyncProperty(lives, async ({ batch, deaths, piece }) => {
        const owner = makeOwner()
        const sent = [0, 0]
        const sums: Array<Array<number>> = [[], []]
        const isOver = () => {
          for (const s of [0, 1]) {
            while (sent[s] < total && put(owner.senders[s], sent[s] + 1)) sent[s] += 1
            owner.senders[s].publish()
          }
          // Slowly, so that there is not always room.
          for (let i = 0; i < 2; i++) {
            const found = take(owner.receiver, 2)
            if (found !== undefined) sums[found[0]].push(found[1])
          }
          owner.receiver.ack()
          return sums[0].length + sums[1].length >= 2 * total
        }
        for (const death of deaths) {
          if (isOver()) break
          await live(owner, death, batch, piece, isOver)
          lost += 1
        }
        if (!isOver()) await live(owner, Infinity, batch, piece, isOver)
        const expected = Array.from({ length: total }, (_, i) => ((i + 1) * (i + 2)) / 2)
        assert.deepStrictEqual(sums, [expected, expected])
      }),
      { numRuns: 60 }
    )
    assert.isAbove(lost, 60)
  })

  it("refuses an entry that does not fit the lanes", () => {
    const { links, ties } = makeOwner()
    const owner = OwnerMirror.make(links, ThreadIdentity.makeVirtual(), () => true, [ties])
    const entry = (words: ReadonlyArray<number>, lane = 0) =>
      Records.of(Records.RecordKind.Entry, lane, 0, 0, new Uint8Array(new Int32Array(words).buffer))
    assert.throws(() => owner.receive(entry([2, 1, 0, 0, 0, 0, 0, 0, 8, 0])), /up to position 8/)
    assert.throws(() => owner.receive(entry([1, 1, 0, 0, 0, 0, 0, 0])), /an entry of 1 and 1 lanes/)
    assert.throws(() => owner.receive(entry([2, 1, 0, 0, 0, 0])), /an entry of 24 bytes/)
    assert.throws(() => owner.receive(entry([2, 1, 0, 0, 0, 0, 0, 0, 0, 0], 1)), /there is no ledger 1/)
    owner.close()
  })
})
