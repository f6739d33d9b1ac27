/**
 * Reads flights from CSV by byte ranges, so that several threads can share one file.
 *
 * A row ends where its line ends: fields may be quoted and hold commas and doubled quotes, but no
 * line break. That is what lets a reader start anywhere, and what keeps an unbalanced quote from
 * swallowing the rows after it. A line belongs to the range in which it starts.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { InputError } from "../InputError.ts"
import { allocate, bad, type FlightColumns, type Names, type Part, type Rejected, take } from "./Columns.ts"
import { parseDate, parseDelay } from "./dates.ts"
import { type InputFile, readRange } from "./files.ts"
import type { CsvLayout, CsvRange } from "./Task.ts"

/** Bytes that one task reads. */
const rangeBytes = 2 << 20

/** The longest line, in bytes; a longer one is rejected. */
const lineBytes = 64 << 10

const comma = 44
const quote = 34
const newline = 10
const carriageReturn = 13

/** The fields of one line; reused, because a line is done before the next begins. */
class Fields {
  bytes: Uint8Array = new Uint8Array(0)
  readonly starts: Array<number> = []
  readonly ends: Array<number> = []
  count = 0
  private scratch = new Uint8Array(1024)

  /** Splits a line; false when a quote is not closed on it. */
  split(bytes: Uint8Array, from: number, to: number): boolean {
    this.bytes = bytes
    let count = 0
    let start = from
    for (let i = from; i < to; i++) {
      const byte = bytes[i]
      if (byte === comma) {
        this.starts[count] = start
        this.ends[count++] = i
        start = i + 1
      } else if (byte === quote && i === start) return this.splitQuoted(bytes, from, to)
    }
    this.starts[count] = start
    this.ends[count++] = to
    this.count = count
    return true
  }

  private splitQuoted(bytes: Uint8Array, from: number, to: number): boolean {
    if (this.scratch.length < to - from) this.scratch = new Uint8Array(to - from)
    const out = this.scratch
    this.bytes = out
    this.count = 0
    let at = 0
    let i = from
    for (;;) {
      this.starts[this.count] = at
      if (bytes[i] === quote && i < to) {
        for (i++; ; i++) {
          if (i >= to) return false
          if (bytes[i] === quote) {
            if (bytes[i + 1] !== quote || i + 1 >= to) break
            i++
          }
          out[at++] = bytes[i]
        }
        i++
      }
      while (i < to && bytes[i] !== comma) out[at++] = bytes[i++]
      this.ends[this.count++] = at
      if (i >= to) return true
      i++
    }
  }

  text(field: number): string {
    return new TextDecoder().decode(this.bytes.subarray(this.starts[field], this.ends[field]))
  }
}

const trimEnd = (bytes: Uint8Array, from: number, to: number): number =>
  to > from && bytes[to - 1] === carriageReturn ? to - 1 : to

/** Reads the header and cuts the rest into ranges. */
export const plan = Effect.fnUntraced(function* (file: InputFile) {
  const { name, size } = file
  const head = yield* readRange(file, 0, Math.min(size, lineBytes))
  const start = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0
  const found = head.indexOf(newline, start)
  if (found < 0 && size > lineBytes) {
    return yield* new InputError({ file: name, detail: "neither parquet nor CSV: its first line has no end" })
  }
  const end = found < 0 ? head.length : found
  const fields = new Fields()
  fields.split(head, start, trimEnd(head, start, end))
  const columns = Array.from({ length: fields.count }, (_, i) => fields.text(i).trim().toLowerCase())
  const needed = ["date", "delay", "origin", "destination"]
  const lacking = needed.filter((column) => !columns.includes(column))
  if (lacking.length > 0) {
    const text = columns.join(",").replace(/[^\x20-\x7e]/g, "?")
    const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text
    return yield* new InputError({
      file: name,
      place: "row 1 (header)",
      detail: `lacks the column${lacking.length > 1 ? "s" : ""} ${lacking.join(", ")}; it reads "${shown}"`
    })
  }
  const layout: CsvLayout = {
    columns,
    date: columns.indexOf("date"),
    delay: columns.indexOf("delay"),
    origin: columns.indexOf("origin"),
    destination: columns.indexOf("destination")
  }
  const tasks: Array<CsvRange> = []
  for (let from = end + 1; from < size; from += rangeBytes) {
    tasks.push({ _tag: "CsvRange", from, to: Math.min(from + rangeBytes, size), size, layout })
  }
  return tasks
})

/** One byte before the range tells whether a line starts at its first byte. */
const baseOf = (task: CsvRange): number => task.from - 1

/** The bytes of the lines that start in the range. */
export const load = (file: InputFile, task: CsvRange): Effect.Effect<Uint8Array<ArrayBuffer>, InputError> =>
  readRange(file, baseOf(task), Math.min(task.to + lineBytes, task.size))

/** The lines that start in the range. */
export const parse = (task: CsvRange, bytes: Uint8Array, names: Names): Part => {
  const base = baseOf(task)
  const first = bytes.indexOf(newline)
  const from = first < 0 ? bytes.length : first + 1
  return parseLines(bytes, from, task.to - base, base + bytes.length === task.size, task.layout, names)
}

/** Parses the lines of `bytes` that start from `from` on and before `limit`; `whole` if the last one needs no end. */
const parseLines = (
  bytes: Uint8Array,
  from: number,
  limit: number,
  whole: boolean,
  layout: CsvLayout,
  names: Names
): Part => {
  let capacity = 0
  for (let at = from; at < limit; capacity++) {
    const end = bytes.indexOf(newline, at)
    at = end < 0 ? bytes.length : end + 1
  }
  const columns = allocate(capacity)
  const rejected: Array<Rejected> = []
  const fields = new Fields()
  const codes = new Codes(names)
  let lines = 0
  let rows = 0
  let accepted = 0
  for (let at = from; at < limit;) {
    const found = bytes.indexOf(newline, at)
    const next = found < 0 ? bytes.length : found + 1
    const end = trimEnd(bytes, at, found < 0 ? bytes.length : found)
    lines++
    if (end > at) {
      rows++
      const cut = found < 0 && !whole
      const fault = cut
        ? endless
        : fields.split(bytes, at, end)
          ? fill(columns, accepted, fields, layout, codes)
          : unclosed
      if (fault === undefined) accepted++
      else {
        const raw = new TextDecoder().decode(bytes.subarray(at, end))
        rejected.push({ row: rows, line: lines, ...fault(fields, layout), raw })
      }
    }
    at = next
  }
  return { columns: take(columns, accepted), rows, lines, rejected }
}

type Fault = (fields: Fields, layout: CsvLayout) => { readonly column: string; readonly reason: string }

const unclosed: Fault = () => ({ column: "", reason: "a quote is not closed on its line" })

const endless: Fault = () => ({ column: "", reason: `the line is longer than ${lineBytes >> 10} KiB` })

const miscounted: Fault = (fields, layout) => ({
  column: "",
  reason: `${fields.count} fields where the header has ${layout.columns.length}`
})

const fault =
  (column: "date" | "delay" | "origin" | "destination", expected: string): Fault =>
  (fields, layout) => {
    const text = fields.text(layout[column])
    return { column, reason: text === "" ? "missing" : `${JSON.stringify(text)} is not ${expected}` }
  }

const faults = {
  date: fault("date", "a date such as 2001-01-31 23:59"),
  delay: fault("delay", "a whole number of minutes"),
  origin: fault("origin", "an airport code"),
  destination: fault("destination", "an airport code")
}

/** Writes one row, or names the fault that keeps it out. */
const fill = (
  columns: FlightColumns,
  row: number,
  fields: Fields,
  layout: CsvLayout,
  codes: Codes
): Fault | undefined => {
  if (fields.count !== layout.columns.length) return miscounted
  const { bytes, ends, starts } = fields
  const time = parseDate(bytes, starts[layout.date], ends[layout.date])
  // The only value that differs from itself is NaN.
  if (time !== time) return faults.date
  const delay = parseDelay(bytes, starts[layout.delay], ends[layout.delay])
  if (delay === bad.delay) return faults.delay
  const origin = codes.id(bytes, starts[layout.origin], ends[layout.origin])
  if (origin === bad.name) return faults.origin
  const destination = codes.id(bytes, starts[layout.destination], ends[layout.destination])
  if (destination === bad.name) return faults.destination
  columns.times[row] = time
  columns.delays[row] = delay
  columns.origins[row] = origin
  columns.destinations[row] = destination
  return undefined
}

/** Finds the id of a code in bytes. The codes of airports have three letters, which pack into an integer. */
class Codes {
  private readonly names: Names
  private readonly packed = new Map<number, number>()

  constructor(names: Names) {
    this.names = names
  }

  id(bytes: Uint8Array, from: number, to: number): number {
    if (to - from !== 3) {
      return to === from ? bad.name : this.names.id(new TextDecoder().decode(bytes.subarray(from, to)))
    }
    const key = (bytes[from] << 16) | (bytes[from + 1] << 8) | bytes[from + 2]
    let id = this.packed.get(key)
    if (id === undefined) {
      id = this.names.id(new TextDecoder().decode(bytes.subarray(from, to)))
      this.packed.set(key, id)
    }
    return id
  }
}
