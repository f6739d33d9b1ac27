/**
 * The charts, as text of SVG, drawn by Observable Plot into linkedom's document.
 *
 * Plot (ISC, by the authors of D3) is one grammar for lines, bars, cells and maps with projections,
 * draws without a browser, and leaves nothing to run in the page. Colour scales are thresholds,
 * because a continuous legend wants a canvas.
 *
 * @since 0.1.0
 */
import * as Plot from "@observablehq/plot"
import { parseHTML } from "linkedom"
import { readFile } from "node:fs/promises"
import { feature, mesh } from "topojson-client"
import type { GeometryCollection, Topology } from "topojson-specification"
import { type Airports, datasetPath, nameOf } from "../../airports.ts"
import type { By } from "../../Job.ts"
import type { Total } from "../../Results.ts"
import { integer, minutes } from "../text.ts"
import type { Point } from "./series.ts"

const width = 1040
const ink = "#1f2933"
const accent = "#c2410c"
const lateColors = ["#fef0d9", "#fdd49e", "#fdbb84", "#fc8d59", "#e34a33", "#b30000"]
const style = { fontFamily: "inherit", fontSize: "13px", background: "none", color: ink, overflow: "visible" }

/** Thresholds of the share of late flights, in percent. */
const late = (domain: ReadonlyArray<number>): Plot.ScaleOptions & { legend: true } => ({
  type: "threshold",
  domain: [...domain],
  range: lateColors,
  label: "flights delayed more than 15 min (%)",
  legend: true
})

/** Five cuts that put about as many values into each of six colours. */
const cuts = (values: ReadonlyArray<number>): ReadonlyArray<number> => {
  const sorted = values.toSorted((a, b) => a - b)
  const at = [1, 2, 3, 4, 5].map((i) => sorted[Math.floor((i * sorted.length) / 6)])
  const whole = at.map(Math.round)
  return new Set(whole).size === whole.length ? whole : at.map((cut) => Math.round(cut * 10) / 10)
}

const draw = (options: Plot.PlotOptions): string => {
  const { document } = parseHTML("<html><body></body></html>")
  return Plot.plot({ width, document, style, ...options }).outerHTML
}

const date = (at: Date): string => at.toISOString().slice(0, 10)

const facts = (total: { flights: number; meanDelay: number }, share: number): string =>
  `${share.toFixed(1)} % of ${integer(total.flights)} flights late, mean delay ${minutes(total.meanDelay)} min`

export const timeline = (points: ReadonlyArray<Point>): string => {
  const last = points[points.length - 1]
  // A step is drawn to the start of the next one, so the last needs an end of its own.
  const steps = [...points, { ...last, start: last.end }]
  const peak = points.reduce((a, b) => (b.late > a.late ? b : a))
  const position = points.indexOf(peak) / points.length
  return draw({
    height: 300,
    marginLeft: 48,
    marginRight: 24,
    x: { type: "utc", label: null },
    y: { label: "delayed > 15 min (% of flights)", grid: true, domain: [0, peak.late * 1.15], nice: true },
    marks: [
      Plot.areaY(steps, { x: "start", y: "late", fill: accent, fillOpacity: 0.12, curve: "step-after" }),
      Plot.lineY(steps, { x: "start", y: "late", stroke: accent, strokeWidth: 1.75, curve: "step-after" }),
      Plot.ruleY([0], { stroke: ink }),
      Plot.text([peak], {
        x: "start",
        y: "late",
        text: (p: Point) => `${date(p.start)}: ${p.late.toFixed(1)} %`,
        textAnchor: position < 0.1 ? "start" : position > 0.9 ? "end" : "middle",
        dy: -10,
        fontWeight: 600
      }),
      Plot.rectY(points, {
        x1: "start",
        x2: "end",
        y: "late",
        fill: "transparent",
        title: (p: Point) => `${date(p.start)}: ${facts(p, p.late)}`
      })
    ]
  })
}

export const bars = (worst: ReadonlyArray<Total>, airports: Airports, by: By): string => {
  const label = (total: Total): string => `${total.name}  ${nameOf(airports, total.name, by)}`
  const average = worst.map((total) => ({ total, label: label(total), late: total.share * 100 }))
  return draw({
    height: 40 + worst.length * 30,
    marginLeft: Math.min(480, 16 + 7 * Math.max(...average.map((row) => row.label.length))),
    marginRight: 170,
    x: { label: null, grid: true, zero: true, tickFormat: (share: number) => `${share} %` },
    y: { label: null, domain: average.map((row) => row.label), tickSize: 0 },
    marks: [
      Plot.barX(average, {
        y: "label",
        x: "late",
        fill: accent,
        fillOpacity: 0.85,
        insetTop: 3,
        insetBottom: 3,
        title: (row: (typeof average)[number]) => `${row.label}: ${facts(row.total, row.late)}`
      }),
      Plot.text(average, {
        y: "label",
        x: "late",
        text: (row: (typeof average)[number]) => `${row.late.toFixed(1)} %   mean ${minutes(row.total.meanDelay)} min`,
        textAnchor: "start",
        dx: 7
      }),
      Plot.ruleX([0], { stroke: ink })
    ]
  })
}

export const cells = (points: ReadonlyArray<Point>, worst: ReadonlyArray<Total>): string =>
  draw({
    height: 90 + worst.length * 24,
    marginLeft: worst.some((total) => total.name.length > 5) ? 80 : 48,
    marginRight: 12,
    x: { type: "utc", label: null },
    y: { label: null, domain: worst.map((total) => total.name), tickSize: 0, padding: 0.12 },
    color: late([10, 20, 30, 40, 60]),
    marks: [
      Plot.barX(points, {
        y: "key",
        x1: "start",
        x2: "end",
        fill: "late",
        insetRight: points.length > 4000 ? 0 : 0.5,
        title: (p: Point) => `${p.key} ${date(p.start)}: ${facts(p, p.late)}`
      })
    ]
  })

interface Dot {
  readonly longitude: number
  readonly latitude: number
  readonly late: number
  readonly flights: number
  readonly code: string
  readonly text: string
}

/** The most routes drawn on the map. */
export const mappedRoutes = 40

/** The map; empty where no key is an airport with a place. */
export const map = async (
  totals: ReadonlyArray<Total>,
  worst: ReadonlyArray<Total>,
  airports: Airports,
  by: By
): Promise<string> => {
  const topology: Topology<{ states: GeometryCollection; land: GeometryCollection }> = JSON.parse(
    await readFile(datasetPath("us-10m.json"), "utf8")
  )
  const marks = by === "route" ? routeMarks(worst, airports) : airportMarks(totals, worst, airports)
  if (marks.length === 0) return ""
  return draw({
    height: 620,
    projection: "albers-usa",
    color: late(cuts((by === "route" ? worst : totals).map((total) => total.share * 100))),
    r: { range: [1.5, 20], type: "sqrt" },
    marks: [
      Plot.geo(feature(topology, topology.objects.land), { fill: "#eef1f4" }),
      Plot.geo(mesh(topology, topology.objects.states), { stroke: "#c5ccd3", strokeWidth: 0.7 }),
      ...marks
    ]
  })
}

const airportMarks = (
  totals: ReadonlyArray<Total>,
  worst: ReadonlyArray<Total>,
  airports: Airports
): ReadonlyArray<Plot.Markish> => {
  const dots = totals.flatMap((total): ReadonlyArray<Dot> => {
    const airport = airports.get(total.name)
    if (airport === undefined) return []
    const share = total.share * 100
    const text = `${total.name} ${airport.name}, ${airport.city}: ${facts(total, share)}`
    return [{ ...airport, code: total.name, late: share, flights: total.flights, text }]
  })
  if (dots.length === 0) return []
  const labelled = new Set(worst.map((total) => total.name))
  const place = { x: "longitude", y: "latitude" }
  return [
    Plot.dot(dots, {
      ...place,
      r: "flights",
      fill: "late",
      stroke: "#5b3412",
      strokeWidth: 0.6,
      fillOpacity: 0.9,
      sort: { channel: "-r" },
      title: "text"
    }),
    Plot.text(
      dots.filter((dot) => labelled.has(dot.code)),
      { ...place, text: "code", dy: -12, fontWeight: 700, fill: ink, stroke: "white", strokeWidth: 3 }
    )
  ]
}

const routeMarks = (worst: ReadonlyArray<Total>, airports: Airports): ReadonlyArray<Plot.Markish> => {
  const links = worst.flatMap((total) => {
    const [from, to] = total.name.split("-").map((code) => airports.get(code))
    if (from === undefined || to === undefined) return []
    const share = total.share * 100
    return [
      {
        name: total.name,
        late: share,
        x1: from.longitude,
        y1: from.latitude,
        x2: to.longitude,
        y2: to.latitude,
        text: `${total.name} ${from.city} → ${to.city}: ${facts(total, share)}`
      }
    ]
  })
  if (links.length === 0) return []
  const ends = new Map(
    links.flatMap(({ name, x1, x2, y1, y2 }) => {
      const [from, to] = name.split("-")
      return [
        [from, { code: from, x: x1, y: y1 }],
        [to, { code: to, x: x2, y: y2 }]
      ] as const
    })
  )
  return [
    Plot.arrow(links, {
      x1: "x1",
      y1: "y1",
      x2: "x2",
      y2: "y2",
      stroke: "late",
      strokeWidth: 2,
      bend: true,
      headLength: 7,
      insetEnd: 3,
      title: "text"
    }),
    Plot.dot(ends.values(), { x: "x", y: "y", r: 2.5, fill: ink }),
    Plot.text(ends.values(), {
      x: "x",
      y: "y",
      text: "code",
      dy: -9,
      fontSize: 11,
      fontWeight: 600,
      fill: ink,
      stroke: "white",
      strokeWidth: 3
    })
  ]
}
