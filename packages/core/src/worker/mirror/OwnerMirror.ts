/**
 * The owner's end of a mirror: it holds the worker's endpoints in the owner's memory for a worker
 * whose memory is another.
 *
 * @since 0.1.0
 */
import type { WaitStrategy } from "../../channel/WaitStrategy.ts"
import { endpointIndex, Endpoint } from "../../ring/layout.ts"
import { Mesh } from "../../ring/Mesh.ts"
import type { Links } from "../Workers.ts"
import { type LaneStart, LaneSource, LaneTarget } from "./LaneMirror.ts"
import { MirrorEnd, type Send } from "./MirrorEnd.ts"
import * as Parcels from "./Parcels.ts"

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
  readonly replies: { readonly laneBytes: number; readonly lane: LaneStart }
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
  /** Ends the mirror: what it held is dead, for a successor to take over. */
  readonly close: () => void
}

/**
 * Claims the worker's endpoints for `owner`, a number of its own. Throws a `RingFault` if they are
 * not to be had. Nothing is sent before the first turn of the event loop.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (links: Links, owner: number, send: Send): OwnerMirror => {
  const { slot } = links.mailbox
  const mailbox = Mesh.open(links.mailbox.memory)
  const replies = Mesh.open(links.replies.memory)
  const { slot: replier } = links.replies
  mailbox.claim(mailbox.receiverEndpoint(slot), owner)
  try {
    replies.claim(replier, owner)
  } catch (fault) {
    mailbox.bury(owner)
    throw fault
  }

  const end = new MirrorEnd({
    control: links.control,
    writes: 0,
    parcels: Parcels.of(mailbox, slot),
    inward: replies,
    receiver: 0,
    onControl: () => {},
    send
  })
  for (let sender = 0; sender < mailbox.senders; sender++) end.sources.push(new LaneSource(mailbox, sender, slot))
  // A producer tells how far its predecessors have counted.
  const count = (replies.producer(replier, 0).lastSequence + 1) | 0
  const target = new LaneTarget(replies, replier, 0)
  end.targets.push(target)
  end.watch.add(mailbox.memory, endpointIndex(mailbox.receiverEndpoint(slot)) + Endpoint.bell)
  end.watch.add(replies.memory, endpointIndex(replier) + Endpoint.bell)
  end.watch.nudge()

  return {
    start: {
      workerId: links.workerId,
      wait: links.mailbox.wait,
      urgent: links.urgent,
      initData: links.initData,
      safeguard: links.safeguard,
      settled: links.settled,
      mailbox: {
        senders: mailbox.senders,
        laneBytes: mailbox.laneBytes,
        fingerprint: mailbox.fingerprint,
        lanes: end.sources.map((source) => source.start)
      },
      replies: { laneBytes: replies.laneBytes, lane: { position: target.position, count } }
    },
    receive: (bytes) => end.receive(bytes),
    resume: () => end.resume(),
    close: () => {
      end.close()
      mailbox.bury(owner)
      replies.bury(owner)
    }
  }
}
