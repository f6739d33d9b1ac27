/**
 * The closing lines: what was read, how fast, and what was rejected.
 *
 * @since 0.1.0
 */
import type { Report } from "../FlightDelays.ts"
import type { RejectedFile } from "./RejectedFile.ts"
import { integer, plural } from "./text.ts"

export const summary = ({ messages, results, rows, seconds }: Report): string => {
  const rate = seconds > 0 ? `, ${integer(rows / seconds)} rows/s` : ""
  return [
    `${plural(rows, "row")} in ${seconds.toFixed(2)} s${rate}; ${plural(results.groups, "group")}`,
    `${plural(messages.length, "worker")}; messages per worker: ${messages.map(integer).join(", ")}`,
    ""
  ].join("\n")
}

/** One line on the rejected rows, or nothing where there are none. */
export const rejectedLine = (input: string, rejected: RejectedFile): string => {
  const first = rejected.first()
  if (first === undefined) return ""
  const line = first.line === undefined ? "" : ` (line ${first.line})`
  const column = first.column === "" ? "" : `, column ${first.column}`
  const failure = rejected.failure()
  const kept = failure === undefined ? `kept in ${rejected.path}` : `not kept: ${rejected.path} ${failure}`
  return `${input}: ${plural(rejected.count(), "row")} rejected, the first is row ${first.row}${line}${column}: ${first.reason}; ${kept}\n`
}
