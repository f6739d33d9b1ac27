/**
 * What the subjects of the flights share: the job, and the outcome of a run.
 *
 * @since 0.1.0
 */
import { createHash } from "node:crypto"
import { datasetPath } from "../../src/flights/airports.ts"
import type { JobOptions } from "../../src/flights/Job.ts"
import type { Outcome } from "../harness/Suite.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface FlightArgs {
  readonly workers: number
  /** How often the file is read. */
  readonly passes: number
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const jobOf = (args: FlightArgs): JobOptions => ({
  input: datasetPath("flights-3m.parquet"),
  by: "origin",
  window: "1d",
  ...args
})

/** Rows of the file. */
const rowsOfFile = 3_000_000

/**
 * One group: its key and the start of its window, flights, delayed ones, sum and maximum of delays.
 *
 * @category models
 * @since 0.1.0
 */
export type Row = readonly [
  key: string,
  window: number,
  flights: number,
  delayed: number,
  total: number,
  maximum: number
]

/** Digest of groups, whatever their order. */
const digest = (groups: Iterable<Row>): string => {
  const lines = Array.from(groups, (row) => row.join(" ")).sort()
  return `${lines.length} groups ${createHash("sha256").update(lines.join("\n")).digest("hex")}`
}

/**
 * The outcome of a run that took `ms`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const outcomeOf = ({ passes }: FlightArgs, ms: number, rows: number, groups: Iterable<Row>): Outcome => ({
  metrics: { ms, rowsPerSecond: (rows / ms) * 1000 },
  expected: `${passes * rowsOfFile} rows`,
  arrived: `${rows} rows`,
  agreement: digest(groups)
})
