/**
 * The ranking as a table of text.
 *
 * @since 0.1.0
 */
import { type Airports, nameOf } from "../airports.ts"
import { type By, type Window, windowMillis, windowName } from "../Job.ts"
import type { Ranking } from "../Results.ts"
import { integer, minutes, percent, plural, windowText } from "./text.ts"

export const nouns: { readonly [B in By]: string } = {
  origin: "airports of departure",
  destination: "airports of arrival",
  route: "routes"
}

export const noun: { readonly [B in By]: string } = {
  origin: "airport of departure",
  destination: "airport of arrival",
  route: "route"
}

export const criterion = (ranking: Ranking): string =>
  `Worst = greatest share of flights delayed more than 15 minutes, among the ${integer(ranking.ranked)} of ` +
  `${integer(ranking.all.length)} with at least ${plural(ranking.minimum, "flight")} (a tenth of the average).`

export const table = (ranking: Ranking, by: By, window: Window, airports: Airports): string => {
  if (ranking.worst.length === 0) return "No flights.\n"
  const size = windowMillis[window]
  const head = ["", by === "route" ? "route" : "airport", "", "flights", "> 15 min", "mean min", "max min"]
  const rows = ranking.worst.map((total, index) => [
    `${index + 1}`,
    total.name,
    nameOf(airports, total.name, by),
    integer(total.flights),
    percent(total.share),
    minutes(total.meanDelay),
    integer(total.maxDelay)
  ])
  if (size > 0) {
    head.push(`worst ${windowName[window]}`)
    for (const [index, { worst }] of ranking.worst.entries()) {
      rows[index].push(`${windowText(worst.window, size)} ${percent(worst.share).padStart(7)}`)
    }
  }
  const widths = head.map((text, column) => Math.max(text.length, ...rows.map((row) => row[column].length)))
  const toLeft = new Set([1, 2, 7])
  const line = (cells: ReadonlyArray<string>): string =>
    cells
      .map((cell, column) => (toLeft.has(column) ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
      .join("  ")
      .trimEnd()
  const rule = widths.map((width) => "─".repeat(width)).join("──")
  const title = `The worst ${nouns[by]}: ${rows.length} of ${integer(ranking.all.length)}`
  return [title, "", line(head), rule, ...rows.map(line), "", criterion(ranking), ""].join("\n")
}
