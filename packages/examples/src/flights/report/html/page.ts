/**
 * One self-contained page about a run: no script, no network, all charts inline.
 *
 * Imported only where `--html` asks for it, so that other runs do not wait for the plotting library.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Report } from "../../FlightDelays.ts"
import { type JobOptions, windowMillis, windowName } from "../../Job.ts"
import { type Ranking, rank } from "../../Results.ts"
import { criterion, noun, nouns } from "../table.ts"
import { integer, minutes, percent, plural } from "../text.ts"
import { bars, cells, map, mappedRoutes, timeline } from "./charts.ts"
import { eachOverTime, overTime, stepOf } from "./series.ts"

const escape = (text: string): string =>
  text.replace(/[&<>"]/g, (char) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[char] ?? char)

const style = `
  :root { color-scheme: light }
  body { margin: 0; background: #fff; color: #1f2933; font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif }
  main { width: 1040px; margin: 0 auto; padding: 36px 32px 48px }
  h1 { font-size: 30px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.01em }
  h2 { font-size: 19px; margin: 40px 0 2px }
  p { margin: 0 0 12px; color: #52606d }
  dl { display: flex; gap: 16px; margin: 24px 0 0 }
  dl div { flex: 1; border: 1px solid #e4e7eb; border-radius: 8px; padding: 12px 16px }
  dt { color: #52606d; font-size: 13px }
  dd { margin: 0; font-size: 24px; font-weight: 650; font-variant-numeric: tabular-nums }
  figure { margin: 0 }
  svg { display: block; max-width: none }
  footer { margin-top: 40px; padding-top: 12px; border-top: 1px solid #e4e7eb; color: #52606d; font-size: 13px }
`

const section = (title: string, note: string, chart: string): string =>
  chart === "" ? "" : `<section>\n<h2>${escape(title)}</h2>\n<p>${escape(note)}</p>\n${chart}\n</section>`

const fact = (name: string, value: string): string => `<div><dt>${escape(name)}</dt><dd>${escape(value)}</dd></div>`

export interface PageInput {
  readonly report: Report
  readonly ranking: Ranking
  readonly options: JobOptions
}

/** The page as text. */
export const page = Effect.fnUntraced(function* ({ options, ranking, report }: PageInput) {
  const { airports } = report
  const { by, input, window } = options
  const step = stepOf(windowMillis[window])
  const points = window === "all" ? [] : overTime(report.results, step)
  const unit = step === windowMillis["1d"] ? "day" : windowName[window]
  const flights = ranking.all.reduce((sum, total) => sum + total.flights, 0)
  const delayed = ranking.all.reduce((sum, total) => sum + total.delayed, 0)
  const minutesLate = ranking.all.reduce((sum, total) => sum + total.meanDelay * total.flights, 0)
  const first = points.at(0)
  const last = points.at(-1)
  const day = (at: number): string => new Date(at).toISOString().slice(0, 10)
  // The period is that of the chart, which leaves out a nearly empty step at either end.
  const period = first && last ? `, ${day(first.start.getTime())} to ${day(last.end.getTime() - 1)} UTC` : ""
  const mapped = by === "route" ? rank(report.results, mappedRoutes).worst : ranking.worst
  const figure = yield* Effect.promise(() => map(ranking.all, mapped, airports, by))
  const sections =
    ranking.worst.length === 0
      ? ["<p>No flights.</p>"]
      : [
          points.length < 2
            ? ""
            : section(
                "Delay over time",
                `Share of all flights that were delayed more than 15 minutes, by ${unit}. Left out: fewer flights than a tenth of the average.`,
                timeline(points)
              ),
          section(
            `The ${ranking.worst.length} worst ${nouns[by]}`,
            criterion(ranking),
            bars(ranking.worst, airports, by)
          ),
          points.length < 2
            ? ""
            : section(
                `Their bad ${unit === "7 days" ? "weeks" : "days"}`,
                `Each cell is one ${unit === "7 days" ? "window of 7 days" : "day"}; the darker, the more flights were late. White: no flights.`,
                cells(eachOverTime(report.results, ranking.worst, step), ranking.worst)
              ),
          section(
            by === "route" ? "The worst routes on the map" : "Where flights are late",
            by === "route"
              ? `The ${mapped.length} worst routes, coloured by their share of late flights. Routes that leave the map are not drawn.`
              : "Each airport's area is its number of flights, its colour the share of them that were late; the worst are named. Airports outside the map are not drawn.",
            figure
          )
        ]
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Flight delays</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>Where and when flights are late</h1>
<p>${escape(plural(flights, "flight"))} by ${noun[by]}${period}. A flight is late when it is delayed more than 15 minutes.</p>
<dl>
${fact("flights", integer(flights))}
${fact("late", flights > 0 ? percent(delayed / flights) : "–")}
${fact("mean delay", flights > 0 ? `${minutes(minutesLate / flights)} min` : "–")}
${fact(nouns[by], integer(ranking.all.length))}
</dl>
${sections.join("\n")}
<footer>Source: ${escape(input.split(/[\\/]/).at(-1) ?? input)}; airports and map from vega-datasets. Windows: ${windowName[window]}, aligned to 1970-01-01 UTC.
${integer(report.rows)} rows read in ${report.seconds.toFixed(2)} s with ${plural(options.workers, "worker")}.${report.rejected.count() > 0 ? ` ${integer(report.rejected.count())} rows were rejected.` : ""}</footer>
</main>
</body>
</html>
`
})
