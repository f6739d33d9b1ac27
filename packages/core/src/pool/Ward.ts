/**
 * What an owner remembers of one worker from each of its lives to the next.
 *
 * @since 0.1.0
 */
import { WorkerPanicked } from "../errors/Errors.ts"
import type { Attempt, Attempts, Place } from "../supervision/Attempts.ts"
import type { Child } from "../supervision/Recovery.ts"
import { byPlace, type Saved } from "../worker/Safeguard.ts"
import type { Member } from "./Member.ts"

/**
 * A message of a key group that its worker handed over, for another to handle.
 *
 * @category models
 * @since 0.1.0
 */
export interface Handed {
  readonly message: unknown
  readonly priority: number
  /** Its own deadline in milliseconds, or 0. */
  readonly allowed: number
  readonly context: string | undefined
  readonly attempt: Attempt
}

/**
 * What became of a message so far.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fate {
  /** Handled, according to the last snapshot, or given up. */
  readonly done: boolean
  readonly attempt: Attempt
  readonly error: WorkerPanicked | undefined
}

const none: ReadonlySet<number> = new Set()

/**
 * @category models
 * @since 0.1.0
 */
export class Ward {
  readonly child: Child
  readonly attempts: Attempts
  /** What it handed over and nobody else has yet. */
  handed: Array<Handed> = []
  /** What lay beside its mailbox of what it is to hand over: it comes after what the worker had. */
  beside: ReadonlyArray<Handed> = []
  /** The key groups that it is to hand over. */
  leaving: ReadonlySet<number> = none
  /** Answered requests of its owner whose effect is not saved yet. */
  readonly answered = new Set<{ readonly place: Place; undone: boolean }>()
  /** What its next life begins with. */
  saved: Saved | undefined
  lastSaved = 0
  /** Whether its last life ended in a panic. */
  panicked = false
  lastPanic: WorkerPanicked | undefined
  /** Messages acknowledged when its life began. */
  ackedBefore = 0

  constructor(child: Child, attempts: Attempts) {
    this.child = child
    this.attempts = attempts
  }

  /**
   * Gives what it has handed over to whoever sees to it, as it lay in its lanes: a life hands over what the one before
   * had done and not saved, too.
   */
  takeHanded(): ReadonlyArray<Handed> {
    const { handed } = this
    this.handed = []
    this.leaving = none
    return handed.sort((a, b) => byPlace(a.attempt, b.attempt))
  }

  /** Gives what lay beside its mailbox. */
  takeBeside(): ReadonlyArray<Handed> {
    const { beside } = this
    this.beside = []
    return beside
  }

  /** Its life is over: what it did not save is to be asked anew. */
  undo(): void {
    for (const answered of this.answered) {
      const { attempt, done } = this.fateOf(answered.place)
      if (done) continue
      answered.undone = true
      attempt.over = true
      attempt.reported = true
    }
  }

  /** What is known of a frame of its mailbox. */
  fateOf({ lane, number }: Place): Fate {
    const { attempts, lastPanic, saved } = this
    const known = attempts.at({ lane, number })
    const before = saved?.counts[lane]
    const done =
      known.reported ||
      (before !== undefined && ((before - number) | 0) > 0) ||
      (saved !== undefined && saved.done.some((at, i) => i % 2 === 0 && at === lane && saved.done[i + 1] === number))
    return { done, attempt: known, error: known.error ?? lastPanic }
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
