/**
 * The worker's end of a mirror: memory that looks to the worker as its owner's would.
 *
 * Both halves of every channel are in one thread here, the worker's and the mirror's.
 *
 * @since 0.1.0
 */
import * as Registry from "../../channel/Registry.ts"
import type { ReceiverHandle, SenderHandle } from "../../channel/Handle.ts"
import * as ThreadIdentity from "../../channel/ThreadIdentity.ts"
import type { WaitStrategy } from "../../channel/WaitStrategy.ts"
import { ByteMemory } from "../../ring/ByteMemory.ts"
import { ControlBlock } from "../../ring/ControlBlock.ts"
import { Endpoint, endpointIndex } from "../../ring/layout.ts"
import { Mesh } from "../../ring/Mesh.ts"
import type { Links } from "../Workers.ts"
import type { ControlPage } from "./ControlPage.ts"
import { begin, LaneSource, LaneTarget } from "./LaneMirror.ts"
import { MirrorEnd, type Send } from "./MirrorEnd.ts"
import type { MirrorStart, OneLane } from "./OwnerMirror.ts"
import * as Parcels from "./Parcels.ts"
import * as TiesMirror from "./TiesMirror.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface WorkerMirror {
  readonly links: Links
  /** That of the links. */
  readonly control: ControlBlock
  /** Takes bytes from the owner's end. Throws a `RingFault` if they are not what it would send. */
  readonly receive: (bytes: Uint8Array) => void
  /** To be called when `send` wants more again. */
  readonly resume: () => void
  /** Sends replies and how far the worker came; true if nothing is left to send. */
  readonly flush: () => boolean
}

const attach = (mesh: Mesh, endpoints: number, first: number): void => {
  for (let e = first; e < first + endpoints; e++) mesh.claim(e, ThreadIdentity.current())
}

/** A channel of one lane. */
const single = (laneBytes: number): Mesh =>
  Mesh.make({
    senders: 1,
    receivers: 1,
    laneBytes,
    laneMessages: 0,
    fingerprint: [0, 0],
    awaitSuccessor: false,
    id: Registry.randomId()
  })

/**
 * With a `page`, the owner knows what was in hand whatever ends the worker.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (start: MirrorStart, send: Send, page?: ControlPage): WorkerMirror => {
  const { laneBytes, lanes, senders, fingerprint } = start.mailbox
  // A worker that blocked its thread would block the mirror, too.
  const wait: WaitStrategy = start.wait === "block" ? "park" : start.wait
  const control = page === undefined ? ControlBlock.make() : new ControlBlock(new ByteMemory(page.memory), page.noted)
  const mailbox = Mesh.make({
    senders,
    receivers: 1,
    laneBytes,
    laneMessages: 0,
    fingerprint,
    awaitSuccessor: false,
    id: Registry.randomId()
  })
  for (let sender = 0; sender < senders; sender++) mailbox.reserve("sender")
  attach(mailbox, senders, 0)
  const slot = mailbox.reserve("receiver")

  const end = new MirrorEnd({
    control,
    writes: 1,
    leads: start.outputs !== undefined,
    onControl: () => mailbox.ring(mailbox.receiverEndpoint(slot)),
    send
  })
  const said = ({ lane, laneBytes }: OneLane, channel: string): SenderHandle<unknown> => {
    const mesh = single(laneBytes)
    const place = mesh.reserve("sender")
    attach(mesh, 1, mesh.receiverEndpoint(mesh.reserve("receiver")))
    begin(mesh, 0, 0, lane)
    end.add(new LaneSource(mesh, 0, 0, lane.position), Parcels.of(mesh, 0))
    end.watch.add(mesh.memory, endpointIndex(mesh.receiverEndpoint(0)) + Endpoint.bell)
    return {
      _tag: "SenderHandle",
      channel: `${start.workerId}: ${channel}`,
      memory: mesh.memory.buffer as SharedArrayBuffer,
      slot: place,
      wait,
      unbounded: false
    }
  }
  const heard = (mesh: Mesh, channel: string): ReceiverHandle<unknown> => ({
    _tag: "ReceiverHandle",
    channel,
    memory: mesh.memory.buffer as SharedArrayBuffer,
    slot: 0,
    wait,
    ack: "after"
  })
  const bell = endpointIndex(0) + Endpoint.bell
  for (let sender = 0; sender < senders; sender++) {
    begin(mailbox, sender, 0, lanes[sender])
    end.targets.push(new LaneTarget(mailbox, sender, 0))
    // One bell for all of them.
    mailbox.memory.seam.store(mailbox.memory.i32, endpointIndex(sender) + Endpoint.bellOf, 0)
  }
  end.watch.add(mailbox.memory, bell)
  let signals: ReceiverHandle<unknown> | undefined
  if (start.signals !== undefined) {
    const mesh = single(start.signals.laneBytes)
    mesh.reserve("sender")
    attach(mesh, 1, 0)
    mesh.reserve("receiver")
    begin(mesh, 0, 0, start.signals.lane)
    end.targets.push(new LaneTarget(mesh, 0, 0))
    end.watch.add(mesh.memory, bell)
    signals = heard(mesh, `${start.workerId}: signals`)
  }
  // Outputs first, so that they lead.
  const outputs = start.outputs === undefined ? undefined : said(start.outputs, "outputs")
  const replies = said(start.replies, "replies")
  const initAttachments = TiesMirror.serve(start.ties, end)
  end.watch.nudge()

  return {
    links: {
      workerId: start.workerId,
      mailbox: heard(mailbox, start.workerId),
      replies,
      outputs,
      signals,
      fingerprints: start.fingerprints,
      control: control.buffer,
      urgent: start.urgent,
      initAttachments,
      initData: start.initData,
      settled: start.settled,
      safeguard: start.safeguard
    },
    control,
    receive: (bytes) => end.receive(bytes),
    resume: () => end.resume(),
    flush: () => {
      while (end.flush()) {}
      return end.isDry
    }
  }
}
