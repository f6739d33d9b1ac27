/**
 * A sender's end of a mesh: one lane to each receiver.
 *
 * A message goes to the least loaded receiver that is there; the choice is made once a batch, when
 * `publish` has closed the last one. A receiver counts as there while it is reserved or attached,
 * and while it is dead if the mesh waits for its successor.
 *
 * @since 0.1.0
 */
import * as Counter from "./Counter.ts"
import * as Doorbell from "./Doorbell.ts"
import { Endpoint, EndpointState, endpointIndex } from "./layout.ts"
import type { LaneProducer } from "./LaneProducer.ts"
import type { Mesh } from "./Mesh.ts"

/**
 * Why nothing can be sent: everything is fine, the mesh or this sender is closed, every receiver
 * closed, or every receiver that did not close is dead.
 *
 * @category models
 * @since 0.1.0
 */
export type SendStatus = "open" | "closed" | "receiver-closed" | "receiver-died"

/**
 * @category models
 * @since 0.1.0
 */
export class SenderPort {
  readonly mesh: Mesh
  readonly slot: number
  private readonly owner: number
  private readonly lanes: ReadonlyArray<LaneProducer>
  private current: number
  private closed = false
  private waits: number

  private constructor(mesh: Mesh, slot: number, owner: number) {
    this.mesh = mesh
    this.slot = slot
    this.owner = owner
    this.lanes = Array.from({ length: mesh.receivers }, (_, r) => mesh.producer(slot, r))
    this.current = mesh.receivers === 1 ? 0 : -1
    this.waits = Counter.resume(mesh.memory, endpointIndex(slot) + Endpoint.waits)
  }

  /** Claims sender `slot` for thread `owner`; throws a `refused` fault if it is not to be had. */
  static attach(mesh: Mesh, slot: number, owner: number): SenderPort {
    mesh.claim(slot, owner)
    try {
      return new SenderPort(mesh, slot, owner)
    } catch (fault) {
      mesh.abandon(slot, owner)
      throw fault
    }
  }

  /** The longest payload that a frame may have, in bytes. */
  get maxPayload(): number {
    return this.lanes[0].maxPayload
  }

  /** The number of the receiver slot that the current batch goes to, or -1. */
  get target(): number {
    return this.current
  }

  /** The lane of the current batch, the least loaded one that is there; undefined if none is. */
  lane(): LaneProducer | undefined {
    if (this.current >= 0) return this.lanes[this.current]
    let best = -1
    let least = Infinity
    for (let r = 0; r < this.lanes.length; r++) {
      if (!this.isThere(this.mesh.state(this.mesh.receiverEndpoint(r)))) continue
      const load = this.lanes[r].load()
      if (load < least) {
        least = load
        best = r
      }
    }
    this.current = best
    return best < 0 ? undefined : this.lanes[best]
  }

  private isThere(state: number): boolean {
    return (
      state === EndpointState.Attached ||
      state === EndpointState.Reserved ||
      (state === EndpointState.Dead && this.mesh.awaitSuccessor)
    )
  }

  /** Room for a payload in the current lane: its byte offset, or -1 when there is none. */
  reserve(bytes: number): number {
    const lane = this.lane()
    return lane === undefined ? -1 : lane.reserve(bytes)
  }

  /** Completes the frame begun by `reserve`. */
  commit(bytes: number, kind: number): void {
    this.lanes[this.current].commit(bytes, kind)
  }

  /** Makes the batch visible, wakes its receiver, and lets the next batch choose anew. */
  publish(): void {
    const r = this.current
    if (r < 0) return
    if (this.lanes[r].publish()) this.mesh.ring(this.mesh.receiverEndpoint(r))
    if (this.lanes.length > 1) this.current = -1
  }

  /** Whether and why sending is over. */
  status(): SendStatus {
    if (this.closed || this.mesh.isShut) return "closed"
    let dead = false
    for (let r = 0; r < this.lanes.length; r++) {
      const state = this.mesh.state(this.mesh.receiverEndpoint(r))
      if (this.isThere(state)) return "open"
      if (state === EndpointState.Dead) dead = true
    }
    return dead ? "receiver-died" : "receiver-closed"
  }

  /** Messages in all lanes that are not acknowledged, unpublished ones included. */
  get depth(): number {
    let depth = 0
    for (let r = 0; r < this.lanes.length; r++) depth += this.lanes[r].depth
    return depth
  }

  /** Counts an operation that failed, for statistics. */
  countError(): void {
    const { i32, seam } = this.mesh.memory
    const at = endpointIndex(this.slot) + Endpoint.errors
    seam.store(i32, at, seam.load(i32, at) + 1)
  }

  /** Word index of the bell that is rung when room was made. */
  get bell(): number {
    return endpointIndex(this.slot) + Endpoint.bell
  }

  /** Announces a wait for room; the caller looks once more before it sleeps. */
  arm(): void {
    Counter.publish(this.mesh.memory, endpointIndex(this.slot) + Endpoint.waits, this.waits + 1, this.waits)
    this.waits += 1
    Doorbell.arm(this.mesh.memory, this.bell)
  }

  disarm(): void {
    Doorbell.disarm(this.mesh.memory, this.bell)
  }

  /** Publishes what is committed and closes this sender for good. */
  close(): void {
    if (this.closed) return
    this.publish()
    this.closed = true
    this.mesh.release(this.slot, this.owner)
  }
}
