/**
 * What an owner remembers of one worker from each of its lives to the next.
 *
 * @since 0.1.0
 */
import { WorkerPanicked } from "../errors/Errors.ts"
import type { Attempts } from "../supervision/Attempts.ts"
import type { Child } from "../supervision/Recovery.ts"
import type { Saved } from "../worker/Safeguard.ts"
import type { Member } from "./Member.ts"

/**
 * How a worker ended while nobody saw which message it had in hand, and how much had been sent to each of its lanes: one
 * of those messages may have been its end.
 *
 * @category models
 * @since 0.1.0
 */
export interface Suspicion {
  readonly exitCode: number | undefined
  readonly sent: ReadonlyArray<number>
}

/**
 * @category models
 * @since 0.1.0
 */
export class Ward {
  readonly child: Child
  readonly attempts: Attempts
  /** What its next life begins with. */
  saved: Saved | undefined
  lastSaved = 0
  /** Messages that failed and wait for their next try. */
  undecided = 0
  /** Whether its last life ended in a panic. */
  panicked = false
  /** Whether the next life tells of each message before it handles it; and whether the last one did. */
  careful = false
  lastPanic: WorkerPanicked | undefined
  /** An end that nobody saw the message of, for which a later one may stand. */
  suspicion: Suspicion | undefined
  /** Messages acknowledged when its life began. */
  ackedBefore = 0

  constructor(child: Child, attempts: Attempts) {
    this.child = child
    this.attempts = attempts
  }
}

/**
 * Messages that a worker has acknowledged, of all lanes, modulo 2^32.
 *
 * @category accessors
 * @since 0.1.0
 */
export const ackedOf = ({ mailbox: { mesh } }: Member): number => {
  let acked = 0
  for (let lane = 0; lane < mesh.highWater; lane++) acked = (acked + mesh.ackedIn(lane, 0)) | 0
  return acked
}

/**
 * Why a worker did not start, as a panic of its own.
 *
 * @category constructors
 * @since 0.1.0
 */
export const panicOf = (worker: string, error: unknown): WorkerPanicked =>
  error instanceof WorkerPanicked
    ? error
    : new WorkerPanicked({
        worker,
        phase: "start",
        detail: error instanceof Error ? error.message : String(error),
        cause: error
      })
