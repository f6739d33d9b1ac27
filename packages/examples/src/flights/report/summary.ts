/**
 * The closing lines: what was read, how fast, and what was rejected.
 *
 * @since 0.1.0
 */
import type { Report } from "../FlightDelays.ts"
import type { RejectedFile } from "./RejectedFile.ts"
import { integer, plural } from "./text.ts"

export const summary = ({ messages, rejected, results, rows, seconds }: Report): string => {
  const rate = seconds > 0 ? `, ${integer(rows / seconds)} rows/s` : ""
  return [
    `${plural(rows, "row")} in ${seconds.toFixed(2)} s${rate}; ${plural(results.groups, "group")}`,
    `${plural(messages.length, "worker")}; messages per worker: ${messages.map(integer).join(", ")}`,
    ...(rejected.count() > 0 ? [`${plural(rejected.count(), "row")} rejected, ${fate(rejected)}`] : []),
    ""
  ].join("\n")
}

/** What became of the rejected rows. */
const fate = (rejected: RejectedFile): string => {
  const failure = rejected.failure()
  return failure === undefined ? `kept in ${rejected.path}` : `not kept: ${rejected.path}: ${failure}`
}

/** One line on the rejected rows, or nothing where there are none and their file says so. */
export const rejectedLine = (input: string, rejected: RejectedFile): string => {
  const first = rejected.first()
  if (first === undefined) {
    const failure = rejected.failure()
    return failure === undefined
      ? ""
      : `${input}: no rows rejected, but ${rejected.path} of an earlier run is still there: ${failure}\n`
  }
  const line = first.line === undefined ? "" : ` (line ${first.line})`
  const column = first.column === "" ? "" : `, column ${first.column}`
  return `${input}: ${plural(rejected.count(), "row")} rejected, the first is row ${first.row}${line}${column}: ${first.reason}; ${fate(rejected)}\n`
}
