/**
 * Results as text: JSON lines for programs, an aligned table for a terminal, Markdown for the docs.
 *
 * @since 0.1.0
 */
import type { Result } from "./runSuite.ts"

/** Numbers of a field, rounded to what the runs can tell apart. */
const round = (value: number): number => {
  const magnitude = Math.abs(value)
  const factor = magnitude >= 1000 ? 1 : magnitude >= 10 ? 100 : 10_000
  return Math.round(value * factor) / factor
}

const shown = (value: number): string => {
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)} G`
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`
  if (value >= 1e4) return `${(value / 1e3).toFixed(1)} k`
  return value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(2) : value.toPrecision(3)
}

/**
 * One JSON object: scenario, subject, the scenario's fields and `timesFirst`, in this order; `timesFirst` is null where
 * the first subject takes nothing.
 *
 * @category reports
 * @since 0.1.0
 */
export const jsonLine = (result: Result): string =>
  JSON.stringify({
    scenario: result.scenario.name,
    subject: result.subject,
    ...Object.fromEntries(result.scenario.fields.map((field) => [field, round(result.metrics[field])])),
    timesFirst: round(result.timesFirst)
  })

/**
 * The rows of a scenario, head first: subject, fields, spread of the compared field over the runs, and how many
 * times the first subject's value each subject takes.
 */
const rows = (results: ReadonlyArray<Result>): ReadonlyArray<ReadonlyArray<string>> => {
  const { fields } = results[0].scenario
  return [
    ["subject", ...fields, "min – max", "× first"],
    ...results.map((result) => [
      result.subject,
      ...fields.map((field) => shown(result.metrics[field])),
      `${shown(result.spread[0])} – ${shown(result.spread[1])}`,
      Number.isFinite(result.timesFirst) ? result.timesFirst.toFixed(2) : "–"
    ])
  ]
}

/**
 * The results of one scenario as an aligned table.
 *
 * @category reports
 * @since 0.1.0
 */
export const table = (results: ReadonlyArray<Result>): string => {
  if (results.length === 0) return ""
  const cells = rows(results)
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)))
  const lines = cells.map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join("   ")
  )
  return `${results[0].scenario.name}\n${lines.map((line) => `  ${line}`).join("\n")}\n`
}

/**
 * The results of one scenario as a Markdown section.
 *
 * @category reports
 * @since 0.1.0
 */
export const markdown = (results: ReadonlyArray<Result>): string => {
  if (results.length === 0) return ""
  const [head, ...body] = rows(results)
  const line = (cells: ReadonlyArray<string>): string => `| ${cells.join(" | ")} |`
  const rule = line(head.map((_, column) => (column === 0 ? "---" : "---:")))
  const { about, name } = results[0].scenario
  return [`### \`${name}\``, "", about, "", line(head), rule, ...body.map(line), ""].join("\n")
}
