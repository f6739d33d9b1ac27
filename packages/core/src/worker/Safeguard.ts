/**
 * What a supervised worker is told when it starts. Plain data, part of its `Links`.
 *
 * @since 0.1.0
 */

/**
 * A frame's place in a mailbox: the lane, and its number there.
 *
 * @category models
 * @since 0.1.0
 */
export interface FramePlace {
  readonly lane: number
  readonly number: number
}

/**
 * Sorts as frames lie in their lanes, lane by lane; numbers are modulo 2^32.
 *
 * @category accessors
 * @since 0.1.0
 */
export const byPlace = (a: FramePlace, b: FramePlace): number => a.lane - b.lane || (a.number - b.number) | 0

/**
 * A state, and which messages it has the effects of: all before `counts` in each lane, and those in
 * `done` besides.
 *
 * @category models
 * @since 0.1.0
 */
export interface Saved {
  /** Encoded by the contract's `state`. */
  readonly state: Uint8Array
  readonly counts: ReadonlyArray<number>
  /** Lane and number in turn. */
  readonly done: ReadonlyArray<number>
}

/**
 * What an owner decides: about a message that failed, and about a key group.
 *
 * @category models
 * @since 0.1.0
 */
export const Order = { GiveUp: 0, Again: 1, Shut: 2, Probe: 3, Open: 4, Stay: 5 } as const

/**
 * Stands for all key groups of a worker.
 *
 * @category constants
 * @since 0.1.0
 */
export const everyGroup = -1

/**
 * What a worker is told about key groups and their circuits.
 *
 * @category models
 * @since 0.1.0
 */
export interface GateStart {
  /** Key groups of the pool, a power of two. */
  readonly groups: number
  /** Successes after which a failure is forgotten. */
  readonly window: number
  /** Groups whose messages it keeps until told otherwise. */
  readonly shut: ReadonlyArray<number>
  /** Groups that failed lately. */
  readonly watched: ReadonlyArray<number>
  /** Groups that it hands over. */
  readonly leaving: ReadonlyArray<number>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Safeguard {
  /** Whether its owner decides about messages that failed; they are a panic otherwise. */
  readonly retries: boolean
  /** How long one message that says nothing of its own may take, in milliseconds; 0 is for ever. */
  readonly deadlineMillis: number
  /** The same of requests that have their own, by their index in the contract; 0 or absent if they have none. */
  readonly requestMillis: ReadonlyArray<number>
  /** When it sends its state, and only then acknowledges: every so many messages, or after so long. */
  readonly snapshots: { readonly every: number; readonly millis: number } | undefined
  /** Number of the last snapshot that its owner has, of whichever predecessor. */
  readonly saved: number
  /** What it begins with, after `init`. */
  readonly resume: Saved | undefined
  /** Frames that it must not handle. */
  readonly over: ReadonlyArray<FramePlace>
  /**
   * Where its predecessor panicked: about how many messages that had taken and not acknowledged. They are taken one at
   * a time then, until it is past where that was.
   */
  readonly singly: number | undefined
  /** Whether its owner wants to know how full its heap is. */
  readonly measures: boolean
  /** Frames sent in each lane before it began, modulo 2^32. */
  readonly found: ReadonlyArray<number>
  /** How many of the first lanes are its owner's. */
  readonly own: number
  /** Undefined if its pool has no circuits. */
  readonly gate: GateStart | undefined
}

/**
 * What a worker is told that nobody supervises.
 *
 * @category constants
 * @since 0.1.0
 */
export const unguarded: Safeguard = {
  retries: false,
  deadlineMillis: 0,
  requestMillis: [],
  snapshots: undefined,
  saved: 0,
  resume: undefined,
  over: [],
  singly: undefined,
  measures: false,
  found: [],
  own: 0,
  gate: undefined
}
