/**
 * What the explorer explores: a few model threads over one block of shared memory.
 *
 * A model thread is a small state machine whose operations call the code under test. An operation
 * is synchronous, deterministic, and keeps what it remembers in `local`, which the explorer clones:
 * plain objects, arrays, maps, sets and class instances without `#private` fields.
 *
 * @since 0.1.0
 */
import type { ByteMemory } from "../../ring/ByteMemory.ts"

/**
 * What an operation sees of the world.
 *
 * @category models
 * @since 0.1.0
 */
export interface World {
  /** The shared memory. Every access through its `i32`, `u8`, `f64` and `seam` is a step. */
  readonly memory: ByteMemory
  /**
   * Counts an event that only `atEnd` and `invariant` see. The code under test cannot read it, so
   * it costs no interleavings.
   */
  readonly note: (event: number) => void
}

/**
 * One operation: returns the name of the next one, or undefined when the thread is done. Throwing
 * fails the exploration.
 *
 * @category models
 * @since 0.1.0
 */
export type Operation<Local extends object> = {
  bivariant(local: Local, world: World): string | undefined
}["bivariant"]

/**
 * @category models
 * @since 0.1.0
 */
export interface ModelThread<Local extends object = object> {
  readonly name: string
  /** The thread's own state before its first operation. */
  readonly local: () => Local
  /** Name of the first operation. */
  readonly first: string
  readonly operations: Readonly<Record<string, Operation<Local>>>
  /** Whether the thread may die at any step. Default false. */
  readonly mortal?: boolean
  /** Starts when this thread has died, and knows of everything that it did. */
  readonly successor?: ModelThread
}

/**
 * A state as `atEnd` and `invariant` see it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Observation {
  readonly i32: Int32Array
  /** How often each event was noted. */
  readonly notes: Int32Array
  /** Name of the thread that died, if one did. */
  readonly died: () => string | undefined
  /** The last local state of a thread that is done. */
  readonly local: (name: string) => object | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Program {
  /** The memory before the first step. */
  readonly memory: () => ArrayBuffer
  readonly threads: ReadonlyArray<ModelThread>
  /** How many threads may die in one execution. Default 1, which only `mortal` threads use. */
  readonly deaths?: number
  /** Events that `note` counts, 0 to `events - 1`. Default 0. */
  readonly events?: number
  /** Called in every state; a returned string is a failure. */
  readonly invariant?: (state: Observation) => string | undefined
  /** Called when all threads are done or dead; a returned string is a failure. */
  readonly atEnd?: (state: Observation) => string | undefined
  /** The words that `atEnd` and `invariant` may look at: what they find in others is undefined. Default: all. */
  readonly observed?: ReadonlyArray<number>
  /**
   * Words that hold statistics and the like, which make no difference to what a thread does: atomic accesses to them
   * are no steps, and whoever reads one finds what it held in the beginning. Default: none. That they make no
   * difference is for a smaller model to show, without this.
   */
  readonly idle?: ReadonlyArray<number>
  /** Names a 32-bit word in a replay. */
  readonly wordName?: (word: number) => string
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ExploreOptions {
  /**
   * `step` (default): an access through a plain view is a step like any other, and data races are
   * found without exception. `eager`: a plain access happens together with the step before it. That
   * loses nothing where the program has no data race, which a smaller model must have shown.
   */
  readonly plain?: "step" | "eager"
  /**
   * Explores only schedules that take the turn from a thread that could go on at most so many
   * times. Default: all schedules.
   */
  readonly preemptions?: number
  /**
   * False: every step of everybody in every state, and no two states taken for one that differ in anything, to
   * compare with on small programs. True: all reductions from the start. Default: those that pay for themselves.
   */
  readonly reduce?: boolean
  /** Gives up after so many states, with `complete` false. Default 20 million. */
  readonly maxStates?: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Failure {
  readonly message: string
  /** What `replay` takes. */
  readonly schedule: string
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Report {
  /** Distinct states. */
  readonly states: number
  /** Steps taken between them. */
  readonly transitions: number
  /** Distinct states in which every thread was done or dead. */
  readonly ends: number
  /** Distinct (state, step) pairs at which a thread was made to die. */
  readonly deaths: number
  /** Whether everything was explored that the options ask for. */
  readonly complete: boolean
  readonly failure: Failure | undefined
}
