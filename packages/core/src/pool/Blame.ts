/**
 * Which frame a worker had in hand when its life ended: the one that its end is put down to.
 *
 * Where an owner shares memory with a worker it can look. Where it does not, it goes by what it was told, in this order:
 * what the worker said as it exited; what it announced, if it announces each frame; and what somebody beside it had
 * seen in its hand for a while. A worker that panicked has said everything before.
 *
 * @since 0.1.0
 */
import type { WorkerPanicked } from "../errors/Errors.ts"
import type { Place } from "../supervision/Attempts.ts"
import * as Sighting from "../worker/Sighting.ts"
import type { Member } from "./Member.ts"
import type { Suspicion, Ward } from "./Ward.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Last extends Place {
  /** Whether whoever waits for it was told of its failure. */
  readonly settled: boolean
}

/**
 * The frame, or why there is none: nothing was in hand, or nobody saw what.
 *
 * @category accessors
 * @since 0.1.0
 */
export const lastOf = (
  { control, mailbox, sighting: told }: Member,
  { careful }: Ward,
  panic: WorkerPanicked,
  mirrored: boolean
): Last | "nothing" | "unseen" => {
  const wordless = mirrored && panic.exitCode !== undefined
  const isLeft = ({ lane, number }: Place): boolean => ((mailbox.mesh.ackedIn(lane, 0) - number) | 0) <= 0
  const sighting = wordless && told !== undefined && told.busy && isLeft(told) ? told : undefined
  const { busy, lane, number, settled } =
    sighting !== undefined && (sighting.millis === Sighting.last || !careful) ? sighting : control
  if (wordless && !careful && sighting === undefined && told?.millis !== Sighting.last) return "unseen"
  return busy && isLeft({ lane, number }) ? { lane, number, settled } : "nothing"
}

/**
 * Whether an end that nobody saw the frame of was that frame's, too: it was there already, and the worker ended in the
 * same way.
 *
 * @category accessors
 * @since 0.1.0
 */
export const isSuspect = (
  suspicion: Suspicion | undefined,
  { lane, number }: Place,
  error: WorkerPanicked
): boolean => {
  if (suspicion === undefined || suspicion.exitCode !== error.exitCode) return false
  const sent = suspicion.sent[lane]
  return sent !== undefined && ((sent - number) | 0) > 0
}
