import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { FrameReader } from "../../../src/channel/FrameReader.ts"
import { FrameWriter } from "../../../src/channel/FrameWriter.ts"
import * as ThreadIdentity from "../../../src/channel/ThreadIdentity.ts"
import * as Codec from "../../../src/codec/Codec.ts"
import { Command, ControlBlock, Status } from "../../../src/ring/ControlBlock.ts"
import { Kind } from "../../../src/ring/Frame.ts"
import { EndpointState } from "../../../src/ring/layout.ts"
import { Mesh } from "../../../src/ring/Mesh.ts"
import { ReceiverPort } from "../../../src/ring/ReceiverPort.ts"
import { SenderPort } from "../../../src/ring/SenderPort.ts"
import * as ControlPage from "../../../src/worker/mirror/ControlPage.ts"
import * as OwnerMirror from "../../../src/worker/mirror/OwnerMirror.ts"
import * as WorkerMirror from "../../../src/worker/mirror/WorkerMirror.ts"
import type { Links } from "../../../src/worker/Workers.ts"
import { mesh, turn } from "./support.ts"

const here = ThreadIdentity.current()

const until = async (what: string, done: () => boolean) => {
  const deadline = performance.now() + 5000
  while (!done()) {
    if (performance.now() > deadline) assert.fail(`waited 5 s for ${what}`)
    await turn()
  }
}

/** An owner's memory: a mailbox of `senders` lanes and a lane for replies. */
const makeOwner = (senders: number, laneBytes: number) => {
  const mailbox = mesh(senders, laneBytes)
  const replies = mesh(1, laneBytes)
  const control = ControlBlock.make()
  const links: Links = {
    workerId: "w/0",
    mailbox: {
      _tag: "ReceiverHandle",
      channel: "w/0",
      memory: mailbox.memory.buffer as SharedArrayBuffer,
      slot: 0,
      wait: "hybrid",
      ack: "after"
    },
    replies: {
      _tag: "SenderHandle",
      channel: "replies",
      memory: replies.memory.buffer as SharedArrayBuffer,
      slot: 0,
      wait: "hybrid",
      unbounded: false
    },
    control: control.buffer,
    fingerprints: {},
    urgent: 0,
    initAttachments: [],
    initData: new Uint8Array(0)
  }
  return {
    mailbox,
    replies,
    control,
    links,
    senders: Array.from({ length: senders }, (_, s) => SenderPort.attach(mailbox, s, here)),
    answers: ReceiverPort.attach(replies, 0, here)
  }
}

/** Both ends, joined by streams that bring a record a turn, cut into pieces of `piece` bytes. */
const connect = (links: Links, piece: number) => {
  let cut = false
  const stream = (to: () => { receive(bytes: Uint8Array): void }) => {
    const waiting: Array<Uint8Array> = []
    const next = () => {
      const bytes = waiting[0]
      if (!cut) for (let at = 0; at < bytes.length; at += piece) to().receive(bytes.subarray(at, at + piece))
      waiting.shift()
      if (waiting.length > 0) setImmediate(next)
    }
    return (bytes: Uint8Array) => {
      waiting.push(bytes.slice())
      if (waiting.length === 1) setImmediate(next)
      return true
    }
  }
  const owner: OwnerMirror.OwnerMirror = OwnerMirror.make(
    links,
    ThreadIdentity.makeVirtual(),
    stream(() => worker)
  )
  const worker: WorkerMirror.WorkerMirror = WorkerMirror.make(
    owner.start,
    stream(() => owner)
  )
  const reader = ReceiverPort.attach(Mesh.open(worker.links.mailbox.memory), worker.links.mailbox.slot, here)
  const writer = SenderPort.attach(Mesh.open(worker.links.replies.memory), worker.links.replies.slot, here)
  return {
    reader,
    writer,
    control: new ControlBlock(worker.links.control),
    /** As the death of the worker's process: nothing more arrives. */
    kill: () => {
      cut = true
      owner.close()
    }
  }
}

const write = (port: SenderPort, n: number): boolean => {
  const bytes = 4 + ((n * 13) % 40)
  const offset = port.reserve(bytes)
  if (offset < 0) return false
  port.mesh.memory.i32[offset >> 2] = n
  port.mesh.memory.u8[offset + bytes - 1] |= 0
  port.commit(bytes, Kind.Data)
  port.publish()
  return true
}

/** Reads at most `most` frames: which sender's, and its number. */
const read = (port: ReceiverPort, most = Infinity): Array<readonly [sender: number, n: number]> => {
  const found: Array<readonly [number, number]> = []
  while (found.length < most && port.next() !== Kind.Empty) {
    assert.strictEqual(port.lane.length, 4 + ((port.mesh.memory.i32[port.lane.offset >> 2] * 13) % 40))
    found.push([port.sender, port.mesh.memory.i32[port.lane.offset >> 2]])
    port.advance()
  }
  return found
}

describe("Mirror", () => {
  for (const piece of [1, 7, 4096]) {
    it(`carries many times the ring, in order, through pieces of ${piece} bytes`, async () => {
      const total = 600
      const owner = makeOwner(2, 256)
      const end = connect(owner.links, piece)
      const sent = [0, 0]
      const got: [number, number] = [0, 0]
      await until("all messages", () => {
        for (const s of [0, 1]) while (sent[s] < total && write(owner.senders[s], sent[s])) sent[s] += 1
        for (const [sender, n] of read(end.reader)) {
          assert.strictEqual(n, got[sender])
          got[sender] += 1
        }
        end.reader.ack()
        return got[0] + got[1] === 2 * total
      })
      await until("their acknowledgement", () => owner.senders.every((sender) => sender.depth === 0))
    })
  }

  it("leaves in the owner's memory what was not acknowledged, for a successor", async () => {
    const owner = makeOwner(1, 256)
    let sent = 0
    let due = 0
    for (let life = 0; life < 30; life++) {
      const end = connect(owner.links, 16)
      const handle = 1 + (life % 5)
      let taken = 0
      await until("messages", () => {
        while (write(owner.senders[0], sent)) sent += 1
        for (const [, n] of read(end.reader, handle - taken)) {
          assert.strictEqual(n, due + taken)
          taken += 1
        }
        return taken === handle
      })
      end.reader.ack()
      const depth = owner.senders[0].depth
      await until("acknowledgement", () => owner.senders[0].depth === depth - handle)
      // Handed out, and not acknowledged: the next life must see it again.
      read(end.reader)
      due += handle
      end.kill()
      assert.strictEqual(owner.mailbox.state(owner.mailbox.receiverEndpoint(0)), EndpointState.Dead)
    }
  })

  it("brings replies back in order, across lives, whether they have been read or not", async () => {
    const owner = makeOwner(1, 256)
    let sent = 0
    let got = 0
    for (let life = 0; life < 20; life++) {
      const end = connect(owner.links, 64)
      const from = sent
      await until("replies", () => {
        while (sent < from + 25 && write(end.writer, sent)) sent += 1
        // The last ones of every second life stay unread until its successor writes.
        const most = life % 2 === 0 && sent === from + 25 ? 0 : Infinity
        for (const [, n] of read(owner.answers, most)) assert.strictEqual(n, got++)
        owner.answers.ack()
        return sent === from + 25 && end.writer.depth <= 12
      })
      await until("delivery", () => owner.replies.producedIn(0, 0) === sent)
      end.kill()
    }
    for (const [, n] of read(owner.answers)) assert.strictEqual(n, got++)
    assert.strictEqual(got, sent)
  })

  it("carries buffers beside frames, and again to a successor, moved ones too", async () => {
    const owner = makeOwner(1, 256)
    const codec = Codec.make(Schema.Array(Schema.Uint8Array))
    const writer = new FrameWriter(owner.senders[0])
    const bytes = (length: number, first: number) => Uint8Array.from({ length }, (_, i) => first + i * 3)
    const messages = [[bytes(5000, 0)], [bytes(10, 1), bytes(20, 2)], [bytes(9, 3)]]
    writer.write(codec, messages[0], Kind.Data)
    writer.write(
      codec,
      messages[1].map((part) => Codec.moved(part.slice())),
      Kind.Data
    )
    writer.write(codec, messages[2], Kind.Data)
    writer.publish()
    for (let life = 0; life < 3; life++) {
      const end = connect(owner.links, 512)
      const reader = new FrameReader(end.reader)
      for (const message of messages.slice(life)) {
        await until("a message", () => reader.next() !== Kind.Empty)
        assert.deepStrictEqual(reader.read(codec), message)
        reader.advance()
        // The first of those that this life is handed; the next life gets the others.
        if (message === messages[life]) end.reader.ack()
      }
      const left = messages.length - life - 1
      await until("the acknowledgement", () => owner.senders[0].depth === left)
      end.kill()
    }
  })

  it("does not pretend to share memory", async () => {
    const owner = makeOwner(1, 256)
    const codec = Codec.make(Codec.SharedMemory)
    const writer = new FrameWriter(owner.senders[0])
    writer.write(codec, new SharedArrayBuffer(8), Kind.Data)
    writer.publish()
    const reader = new FrameReader(connect(owner.links, 512).reader)
    await until("the message", () => reader.next() !== Kind.Empty)
    assert.throws(() => reader.read(codec), Codec.CodecError)
  })

  it("takes commands over before messages, and a stop after them", async () => {
    const owner = makeOwner(1, 1 << 16)
    const end = connect(owner.links, 1 << 16)
    for (let n = 0; n < 500; n++) write(owner.senders[0], n)
    owner.control.command = Command.Pause
    await until("the command", () => end.control.command === Command.Pause)
    assert.strictEqual(end.reader.next(), Kind.Empty)
    await until("the messages", () => end.reader.next() !== Kind.Empty)

    for (let n = 500; n < 1000; n++) write(owner.senders[0], n)
    owner.control.command = Command.Stop
    owner.mailbox.ring(owner.mailbox.receiverEndpoint(0))
    await until("the stop", () => end.control.command === Command.Stop)
    assert.strictEqual(read(end.reader).length, 1000)
  })

  it("shows the owner the worker's status, signs of life and count", async () => {
    const owner = makeOwner(1, 256)
    const end = connect(owner.links, 16)
    const question = owner.control.ping()
    await until("the question", () => end.control.asked)
    assert.isFalse(owner.control.answered(question))
    end.control.status = Status.Running
    end.control.handled = 2 ** 40 + 3
    end.control.pong()
    await until("the answer", () => owner.control.answered(question))
    assert.strictEqual(owner.control.statusName, "Running")
    assert.strictEqual(owner.control.handled, 2 ** 40 + 3)
  })

  it("shows the owner what was in hand when the worker's end is gone, where that wrote it down", async () => {
    const owner = makeOwner(1, 256)
    const page = new SharedArrayBuffer(ControlPage.bytes)
    const written = new Int32Array(ControlPage.bytes >>> 2)
    const noted = () => void written.set(new Int32Array(page))
    const mirror = OwnerMirror.make(owner.links, ThreadIdentity.makeVirtual(), () => true)
    const { control } = WorkerMirror.make(mirror.start, () => true, { memory: page, noted })
    control.handled = 9
    control.begin(0, 7)
    control.allowed = 30
    // Nothing of it comes through the stream.
    mirror.close()
    assert.isFalse(owner.control.busy)
    mirror.see(written)
    const { allowed, busy, handled, lane, number, settled } = owner.control
    assert.deepStrictEqual([busy, lane, number, allowed, settled, handled], [true, 0, 7, 30, false, 0])

    control.settle()
    mirror.see(written)
    assert.isTrue(owner.control.settled)
    control.rest()
    control.late = 1
    control.crowded = true
    mirror.see(written)
    assert.deepStrictEqual([owner.control.busy, owner.control.late, owner.control.crowded], [false, 1, true])
  })

  it("refuses acknowledgements of what was never sent", () => {
    const owner = makeOwner(1, 256)
    const mirror = OwnerMirror.make(owner.links, ThreadIdentity.makeVirtual(), () => true)
    const record = new Int32Array([4, 2, 1000, 1000, 1000])
    assert.throws(() => mirror.receive(new Uint8Array(record.buffer)), /acknowledged/)
    mirror.close()
  })
})
