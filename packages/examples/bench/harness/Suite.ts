/**
 * What a benchmark is made of: a suite has scenarios, a scenario compares subjects.
 *
 * A suite is a module beside `main.ts` that exports `suite`. A subject is a module of its own that
 * exports `run` (`RunSubject`), so that a run loads nothing but its subject.
 *
 * @since 0.1.0
 */

/**
 * How much traffic a run is given. A subject measures for at least `measureMillis` after it has
 * worked for at least `warmUpMillis`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Load {
  readonly warmUpMillis: number
  readonly measureMillis: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Subject {
  readonly name: string
  /** The module that exports `run`. */
  readonly module: URL
  /** Given to `run`, through JSON. */
  readonly args?: Readonly<Record<string, unknown>>
  /**
   * Called once before the first run of all subjects that share this function, in a folder that
   * goes when the benchmark ends. What it returns is added to `args`; a rejection with
   * `Unavailable` leaves the subject out.
   */
  readonly prepare?: (folder: string) => Promise<Readonly<Record<string, unknown>>>
}

/**
 * A subject that cannot run on this machine.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unavailable extends Error {}

/**
 * @category models
 * @since 0.1.0
 */
export interface Scenario {
  /** `<suite>:<what is measured>`, or one word where that says it. */
  readonly name: string
  /** One sentence for the published table. */
  readonly about: string
  /** The metrics to print, in order. The first is the one that ratios compare; less of it is better. */
  readonly fields: ReadonlyArray<string>
  readonly subjects: ReadonlyArray<Subject>
  /** Multiplies `measureMillis`: for scenarios that need more time than others. */
  readonly patience?: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Suite {
  readonly name: string
  readonly scenarios: ReadonlyArray<Scenario>
}

/**
 * What one run of one subject brings back.
 *
 * @category models
 * @since 0.1.0
 */
export interface Outcome {
  readonly metrics: Readonly<Record<string, number>>
  /** What must have arrived, and what did: the run counts only if they are equal. */
  readonly expected: string
  readonly arrived: string
  /** The result itself where all subjects must find the same: the run counts only if they agree. */
  readonly agreement?: string
}

/**
 * The `run` of a subject's module.
 *
 * @category models
 * @since 0.1.0
 */
export type RunSubject<Args = Readonly<Record<string, unknown>>> = (args: Args, load: Load) => Promise<Outcome>
