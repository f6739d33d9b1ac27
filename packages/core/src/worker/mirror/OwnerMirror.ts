/**
 * The owner's end of a mirror: it holds the worker's endpoints in the owner's memory for a worker
 * whose memory is another.
 *
 * @since 0.1.0
 */
import type { ReceiverHandle, SenderHandle } from "../../channel/Handle.ts"
import type { WaitStrategy } from "../../channel/WaitStrategy.ts"
import { ControlBlock } from "../../ring/ControlBlock.ts"
import { Mesh } from "../../ring/Mesh.ts"
import type { Links } from "../Workers.ts"
import type { Ties } from "../ties/Ties.ts"
import { type LaneStart, LaneTarget } from "./LaneMirror.ts"
import { MirrorEnd, type Send } from "./MirrorEnd.ts"
import * as TiesMirror from "./TiesMirror.ts"

/**
 * What the worker's end must know to begin. Plain data.
 *
 * @category models
 * @since 0.1.0
 */
export interface MirrorStart {
  readonly workerId: string
  readonly wait: WaitStrategy
  readonly urgent: number
  readonly initData: Uint8Array
  readonly safeguard: Links["safeguard"]
  readonly settled: Links["settled"]
  readonly mailbox: {
    readonly senders: number
    readonly laneBytes: number
    readonly fingerprint: readonly [number, number]
    readonly lanes: ReadonlyArray<LaneStart>
  }
  readonly replies: OneLane
  readonly outputs: OneLane | undefined
  readonly signals: OneLane | undefined
  readonly fingerprints: Links["fingerprints"]
  readonly ties: TiesMirror.TiesStart
}

/**
 * @category models
 * @since 0.1.0
 */
export interface OneLane {
  readonly laneBytes: number
  readonly lane: LaneStart
}

/** The worker's end of a lane that is its own: what it says, or is told, through this memory. */
interface Claimed {
  readonly mesh: Mesh
  readonly slot: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface OwnerMirror {
  readonly start: MirrorStart
  /** Takes bytes from the worker's end. Throws a `RingFault` if they are not what it would send. */
  readonly receive: (bytes: Uint8Array) => void
  /** To be called when `send` wants more again. */
  readonly resume: () => void
  /** Takes over what the worker has in hand, from a copy of its `ControlBlock`. */
  readonly see: (block: Int32Array) => void
  /** Ends the mirror: what it held is dead, for a successor to take over. */
  readonly close: () => void
}

/**
 * Claims the worker's endpoints for `owner`, a number of its own. Throws a `RingFault` if they are
 * not to be had. Nothing is sent before the first turn of the event loop. `ties` are those in the
 * argument of its `init`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (links: Links, owner: number, send: Send, ties: ReadonlyArray<Ties<unknown>> = []): OwnerMirror => {
  const claimed: Array<Mesh> = []
  const claim = (memory: ArrayBufferLike, half: "sender" | "receiver", slot: number): Mesh => {
    const mesh = Mesh.open(memory)
    mesh.claim(half === "sender" ? slot : mesh.receiverEndpoint(slot), owner)
    claimed.push(mesh)
    return mesh
  }
  const said = ({ memory, slot }: SenderHandle<unknown>): Claimed => ({ mesh: claim(memory, "sender", slot), slot })
  const heard = ({ memory, slot }: ReceiverHandle<unknown>): Claimed => ({
    mesh: claim(memory, "receiver", slot),
    slot
  })
  const control = new ControlBlock(links.control)
  const end = new MirrorEnd({ control, writes: 0, leads: false, onControl: () => {}, send })
  const sourcesOf = ({ mesh, slot }: Claimed) => end.addSources(mesh, slot)
  const targetOf = ({ mesh, slot }: Claimed): OneLane => ({
    laneBytes: mesh.laneBytes,
    lane: end.addTarget(new LaneTarget(mesh, slot, 0))
  })
  const start = (): MirrorStart => {
    const mailbox = heard(links.mailbox)
    const replies = said(links.replies)
    const outputs = links.outputs === undefined ? undefined : said(links.outputs)
    const signals = links.signals === undefined ? undefined : heard(links.signals)
    // In the order in which the worker's end has them.
    const mail = sourcesOf(mailbox)
    const signal = signals === undefined ? undefined : sourcesOf(signals)[0]
    const output = outputs === undefined ? undefined : targetOf(outputs)
    const reply = targetOf(replies)
    return {
      workerId: links.workerId,
      wait: links.mailbox.wait,
      urgent: links.urgent,
      initData: links.initData,
      safeguard: links.safeguard,
      settled: links.settled,
      mailbox: {
        senders: mailbox.mesh.senders,
        laneBytes: mailbox.mesh.laneBytes,
        fingerprint: mailbox.mesh.fingerprint,
        lanes: mail.map((source) => source.start)
      },
      replies: reply,
      outputs: output,
      signals: signal === undefined ? undefined : { laneBytes: signals!.mesh.laneBytes, lane: signal.start },
      fingerprints: links.fingerprints,
      ties: TiesMirror.own(ties, links.initAttachments, claim, end)
    }
  }
  const close = () => {
    end.close()
    for (const mesh of claimed) mesh.bury(owner)
  }
  try {
    const from = start()
    end.watch.nudge()
    return {
      start: from,
      receive: (bytes) => end.receive(bytes),
      resume: () => end.resume(),
      see: (block) => control.see(block),
      close
    }
  } catch (fault) {
    close()
    throw fault
  }
}
