/**
 * The buffers that travel beside the frames of a mirrored mesh, on the producer's side.
 *
 * They are kept until their frame is acknowledged, from one mirror of the same memory to the next: a
 * consumer that is lost with its memory has them sent again to its successor, moved ones too.
 *
 * @since 0.1.0
 */
import { Inbox } from "../../channel/Post.ts"
import { Endpoint, EndpointState, ownerOf } from "../../ring/layout.ts"
import type { Mesh } from "../../ring/Mesh.ts"
import type { LaneSource } from "./LaneMirror.ts"

interface Lane {
  readonly inbox: Inbox
  /** Frames whose buffers have gone, and are not acknowledged. */
  readonly gone: Set<number>
}

const none: ReadonlyArray<ArrayBufferLike> = []

/**
 * @category models
 * @since 0.1.0
 */
export class Parcels {
  private readonly mesh: Mesh
  private readonly receiver: number
  private readonly lanes = new Map<number, Lane>()
  /** Told when a look is worth it. */
  onArrival: () => void = () => {}

  constructor(mesh: Mesh, receiver: number) {
    this.mesh = mesh
    this.receiver = receiver
  }

  /** The buffers of the frame that `source` found; undefined while they are on their way, none if they are lost. */
  take({ sender, sequence }: LaneSource): ReadonlyArray<ArrayBufferLike> | undefined {
    const { gone, inbox } = this.lane(sender)
    const found = inbox.request(sequence)
    if (found === undefined) return undefined
    gone.add(sequence)
    return found === "lost" ? none : found
  }

  private lane(sender: number): Lane {
    let lane = this.lanes.get(sender)
    if (lane === undefined) {
      const { mesh, receiver } = this
      const view = {
        owner: () => ownerOf(mesh.endpoint(sender, Endpoint.state)),
        isDead: () => mesh.state(sender) === EndpointState.Dead
      }
      lane = { inbox: new Inbox({ mesh: mesh.id, sender, receiver }, view, () => this.onArrival()), gone: new Set() }
      this.lanes.set(sender, lane)
    }
    return lane
  }

  /** Forgets what is acknowledged. */
  prune(source: LaneSource): void {
    const lane = this.lanes.get(source.sender)
    if (lane === undefined) return
    for (const sequence of lane.gone) {
      if (!source.isAcked(sequence)) break
      lane.gone.delete(sequence)
      lane.inbox.drop(sequence)
    }
  }
}

const known = new WeakMap<ArrayBufferLike, Map<number, Parcels>>()

/**
 * The parcels of one receiver of a mesh, the same for every mirror of its memory in this thread.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = (mesh: Mesh, receiver: number): Parcels => {
  const { buffer } = mesh.memory
  let receivers = known.get(buffer)
  if (receivers === undefined) known.set(buffer, (receivers = new Map()))
  let parcels = receivers.get(receiver)
  if (parcels === undefined) receivers.set(receiver, (parcels = new Parcels(mesh, receiver)))
  return parcels
}
