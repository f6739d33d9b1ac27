/**
 * What a channel counts, read from any thread without disturbing those that count.
 *
 * Every counter has one writer, so counting costs no read-modify-write; a reader sums them up and
 * sees each a moment apart from the others.
 *
 * @since 0.1.0
 */
import * as Counter from "../ring/Counter.ts"
import { Endpoint, endpointIndex, LaneControl, laneControlIndex } from "../ring/layout.ts"
import type { Mesh } from "../ring/Mesh.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface ChannelStats {
  /** Messages made visible to receivers. */
  readonly sent: number
  /** Messages handed out, those handed out again to a successor included. */
  readonly received: number
  readonly sendErrors: number
  readonly receiveErrors: number
  /** Messages sent and not acknowledged, now. */
  readonly depth: number
  /** Times a sender found no room and waited. */
  readonly fullWaits: number
  /** Times a receiver found nothing and waited. */
  readonly emptyWaits: number
  /** Milliseconds that senders and receivers slept, all together. */
  readonly parkedMillis: number
}

const zero = {
  sent: 0,
  received: 0,
  sendErrors: 0,
  receiveErrors: 0,
  fullWaits: 0,
  emptyWaits: 0,
  parkedMillis: 0
}

/**
 * @category models
 * @since 0.1.0
 */
export class ChannelStatsReader {
  private readonly mesh: Mesh
  private base = zero

  constructor(mesh: Mesh) {
    this.mesh = mesh
  }

  read(): ChannelStats {
    const { depth, ...totals } = this.totals()
    const { base } = this
    return {
      sent: totals.sent - base.sent,
      received: totals.received - base.received,
      sendErrors: totals.sendErrors - base.sendErrors,
      receiveErrors: totals.receiveErrors - base.receiveErrors,
      depth,
      fullWaits: totals.fullWaits - base.fullWaits,
      emptyWaits: totals.emptyWaits - base.emptyWaits,
      parkedMillis: totals.parkedMillis - base.parkedMillis
    }
  }

  reset(): void {
    const { depth: _, ...totals } = this.totals()
    this.base = totals
  }

  private totals(): ChannelStats {
    const { mesh } = this
    const { memory, receivers, senders } = mesh
    const high = mesh.highWater
    let sent = 0
    let received = 0
    let depth = 0
    for (let s = 0; s < high; s++) {
      for (let r = 0; r < receivers; r++) {
        const control = laneControlIndex(senders, receivers, s * receivers + r)
        // Acknowledged before sent: the depth may come out too large by what is in flight, never negative.
        const acked = memory.seam.load(memory.i32, control + LaneControl.ackedCount)
        const laneSent = Counter.read(memory, control + LaneControl.sent)
        sent += laneSent
        received += Counter.read(memory, control + LaneControl.received)
        depth += Math.max(0, ((laneSent | 0) - acked) | 0)
      }
    }
    const sum = (word: number, from: number, to: number, read: (at: number) => number): number => {
      let total = 0
      for (let e = from; e < to; e++) total += read(endpointIndex(e) + word)
      return total
    }
    const counter = (at: number) => Counter.read(memory, at)
    const plain = (at: number) => memory.seam.load(memory.i32, at)
    const all = senders + receivers
    return {
      sent,
      received,
      depth,
      sendErrors: sum(Endpoint.errors, 0, senders, plain),
      receiveErrors: sum(Endpoint.errors, senders, all, plain),
      fullWaits: sum(Endpoint.waits, 0, senders, counter),
      emptyWaits: sum(Endpoint.waits, senders, all, counter),
      parkedMillis: sum(Endpoint.parkedMicros, 0, all, counter) / 1000
    }
  }
}
