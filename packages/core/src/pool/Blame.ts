/**
 * Which frame a worker had in hand when its life ended: the one that its end is put down to.
 *
 * Its `ControlBlock` says so, whatever ended it: that of a worker which shares no memory with its owner was brought up to
 * date with its last words (`WorkerProcess.look`).
 *
 * @since 0.1.0
 */
import type { Place } from "../supervision/Attempts.ts"
import { several } from "../ring/ControlBlock.ts"
import type { Member } from "./Member.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Last extends Place {
  /** Whether whoever waits for it was told of its failure. */
  readonly settled: boolean
}

/**
 * The frame, if one alone was in hand that is not acknowledged.
 *
 * @category accessors
 * @since 0.1.0
 */
export const lastOf = ({ control, mailbox }: Member): Last | undefined => {
  const { busy, lane, number, settled } = control
  if (lane === several) return undefined
  return busy && ((mailbox.mesh.ackedIn(lane, 0) - number) | 0) <= 0 ? { lane, number, settled } : undefined
}
