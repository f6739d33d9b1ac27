/**
 * What a run of the job is asked for: the key, the window and the number of workers.
 *
 * Windows are tumbling and aligned to the epoch: window `n` of size `s` holds the flights with
 * `n * s <= time < (n + 1) * s`. A 7-day window therefore starts on a Thursday, as 1970-01-01 was one.
 *
 * @since 0.1.0
 */

/** What the flights are grouped by. */
export const keys = ["origin", "destination", "route"] as const
export type By = (typeof keys)[number]

/** The sizes of the windows; `all` is one window over everything. */
export const windows = ["1h", "1d", "7d", "all"] as const
export type Window = (typeof windows)[number]

const hour = 3_600_000

/** Size of a window in ms; 0 for `all`. */
export const windowMillis: { readonly [W in Window]: number } = {
  "1h": hour,
  "1d": 24 * hour,
  "7d": 168 * hour,
  all: 0
}

/** How people call the size of a window. */
export const windowName: { readonly [W in Window]: string } = { "1h": "hour", "1d": "day", "7d": "7 days", all: "all" }

/** A flight counts as delayed when its delay is greater than this, in minutes. */
export const delayedAbove = 15

export interface JobOptions {
  /** Path of a parquet or CSV file. */
  readonly input: string
  readonly by: By
  readonly window: Window
  /** Threads; each reads parts of the file and aggregates the keys that are placed on it. */
  readonly workers: number
  /** How often the file is read, as if there were as many of it; once if absent. */
  readonly passes?: number
}

/** The columns that a key is made of. */
export const keyColumns: { readonly [B in By]: ReadonlyArray<"origin" | "destination"> } = {
  origin: ["origin"],
  destination: ["destination"],
  route: ["origin", "destination"]
}
