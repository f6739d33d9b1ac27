/**
 * Reads flights from parquet, one row group at a time and only the columns that the key needs.
 *
 * hyparquet converts a dictionary once and then looks every row up in it. Its converters are
 * replaced here so that what it looks up is already a number: airport codes become ids of `Names`,
 * and dates ms since the epoch; delays are declared ms too, which spares a bigint a row.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { type DecodedArray, type FileMetaData, parquetMetadata, parquetRead, type SchemaElement } from "hyparquet"
import { zstdDecompressSync } from "node:zlib"
import { InputError } from "../InputError.ts"
import { type By, keyColumns } from "../Job.ts"
import { allocate, bad, earliest, latest, type Names, type Part, type Rejected } from "./Columns.ts"
import { type InputFile, readRange } from "./files.ts"
import type { ParquetGroup } from "./Task.ts"

const magic = 0x31524150 // "PAR1"

type Column = "date" | "delay" | "origin" | "destination"

const startsWithMagic = (bytes: Uint8Array): boolean =>
  bytes.length >= 4 && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) === magic

const isDate = (element: SchemaElement): boolean =>
  element.type === "INT96" ||
  element.logical_type?.type === "TIMESTAMP" ||
  /^(DATE|TIMESTAMP_)/.test(element.converted_type ?? element.logical_type?.type ?? "")

const isNumber = (element: SchemaElement): boolean => /^(INT32|INT64|FLOAT|DOUBLE)$/.test(element.type ?? "")

const isText = (element: SchemaElement): boolean => element.type === "BYTE_ARRAY"

const needed: ReadonlyArray<readonly [Column, (element: SchemaElement) => boolean, string]> = [
  ["date", isDate, "a timestamp"],
  ["delay", isNumber, "a number"],
  ["origin", isText, "a string"],
  ["destination", isText, "a string"]
]

/** The footer, checked to have the columns of flights. */
export const metadataOf = Effect.fnUntraced(function* (file: InputFile) {
  const { name, size } = file
  const truncated = new InputError({ file: name, detail: "a truncated parquet file: it does not end as parquet does" })
  if (size < 12) return yield* truncated
  const tail = yield* readRange(file, size - 8, size)
  if (!startsWithMagic(tail.subarray(4))) return yield* truncated
  const length = new DataView(tail.buffer).getUint32(0, true)
  if (length + 12 > size) return yield* truncated
  const footer = yield* readRange(file, size - 8 - length, size)
  const metadata = yield* Effect.try({
    try: () => parquetMetadata(footer.buffer),
    catch: (cause) => new InputError({ file: name, place: "footer", detail: `cannot be read: ${wordsOf(cause)}` })
  })
  for (const [column, accepts, expected] of needed) {
    const element = metadata.schema.find((element) => element.name === column)
    if (element === undefined) return yield* new InputError({ file: name, detail: `lacks the column ${column}` })
    if (!accepts(element)) {
      const type = element.logical_type?.type ?? element.converted_type ?? element.type ?? "a group"
      return yield* new InputError({ file: name, place: `column ${column}`, detail: `is ${type}, not ${expected}` })
    }
    // With this logical type the converter below is asked, and it answers plain numbers.
    if (column === "delay") {
      delete element.converted_type
      element.logical_type = { type: "TIMESTAMP", isAdjustedToUTC: false, unit: "MILLIS" }
    }
  }
  return metadata
})

const wordsOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

export const plan = (metadata: FileMetaData): ReadonlyArray<ParquetGroup> =>
  metadata.row_groups.map((group, index) => ({ _tag: "ParquetGroup", index, rows: Number(group.num_rows) }))

interface Piece {
  readonly at: number
  readonly data: DecodedArray
}

const wantedFor = (by: By): ReadonlyArray<Column> => ["date", "delay", ...keyColumns[by]]

/** The bytes that the wanted columns of a row group are in. */
const rangeOf = (metadata: FileMetaData, task: ParquetGroup, by: By): readonly [from: number, to: number] => {
  const wanted = wantedFor(by)
  let from = Infinity
  let to = 0
  for (const { meta_data } of metadata.row_groups[task.index].columns) {
    if (meta_data === undefined || !wanted.some((column) => column === meta_data.path_in_schema[0])) continue
    const start = Number(meta_data.dictionary_page_offset ?? meta_data.data_page_offset)
    from = Math.min(from, start, Number(meta_data.data_page_offset))
    to = Math.max(to, start + Number(meta_data.total_compressed_size))
  }
  return [from, to]
}

/** The bytes of the wanted columns of a row group. */
export const load = (
  file: InputFile,
  metadata: FileMetaData,
  task: ParquetGroup,
  by: By
): Effect.Effect<Uint8Array<ArrayBuffer>, InputError> =>
  task.rows === 0 ? Effect.succeed(new Uint8Array(0)) : readRange(file, ...rangeOf(metadata, task, by))

/** The rows of a row group. */
export const parse = Effect.fnUntraced(function* (
  { name }: InputFile,
  metadata: FileMetaData,
  task: ParquetGroup,
  by: By,
  bytes: Uint8Array<ArrayBuffer>,
  names: Names
): Effect.fn.Return<Part, InputError> {
  if (task.rows === 0) return { columns: allocate(0), rows: 0, lines: 0, rejected: [] }
  const wanted = wantedFor(by)
  const group = metadata.row_groups[task.index]
  const place = `row group ${task.index + 1}`
  const [from, to] = rangeOf(metadata, task, by)
  const rowStart = metadata.row_groups.slice(0, task.index).reduce((sum, group) => sum + Number(group.num_rows), 0)
  const pieces: { [C in Column]: Array<Piece> } = { date: [], delay: [], origin: [], destination: [] }
  yield* Effect.tryPromise({
    try: async () =>
      parquetRead({
        metadata,
        columns: [...wanted],
        rowStart,
        rowEnd: rowStart + task.rows,
        file: {
          byteLength: to,
          slice: (start, end = to) => bytes.buffer.slice(start - from, end - from)
        },
        compressors: await compressorsOf(group.columns.map((column) => column.meta_data?.codec)),
        parsers: {
          timestampFromMilliseconds: Number,
          timestampFromMicroseconds: (micros) => Number(micros) / 1e3,
          timestampFromNanoseconds: (nanos) => Number(nanos) / 1e6,
          dateFromDays: (days) => days * 86_400_000,
          stringFromBytes: (text) => names.id(new TextDecoder().decode(text))
        },
        onChunk: ({ columnData, columnName, rowStart: at }) => {
          pieces[columnName as Column].push({ at: at - rowStart, data: columnData })
        }
      }),
    catch: (cause) => new InputError({ file: name, place, detail: `cannot be decoded: ${wordsOf(cause)}` })
  })
  for (const column of wanted) {
    const rows = pieces[column].reduce((sum, piece) => sum + piece.data.length, 0)
    if (rows !== task.rows) {
      const detail = `column ${column} has ${rows} rows where the footer says ${task.rows}`
      return yield* new InputError({ file: name, place, detail })
    }
  }
  return assemble(pieces, task.rows, wanted, names)
})

/** zstd comes with Node; the other codecs are loaded when a file needs them. */
const compressorsOf = async (codecs: ReadonlyArray<string | undefined>) => {
  const known = ["UNCOMPRESSED", "SNAPPY", "ZSTD"]
  const others = codecs.some((codec) => codec !== undefined && !known.includes(codec))
  const more = others ? (await import("hyparquet-compressors")).compressors : {}
  return { ...more, ZSTD: (input: Uint8Array) => zstdDecompressSync(input) }
}

/** Copies into typed arrays, with `bad` for what cannot be used. */
const assemble = (
  pieces: { readonly [C in Column]: ReadonlyArray<Piece> },
  rows: number,
  wanted: ReadonlyArray<Column>,
  names: Names
): Part => {
  const columns = allocate(rows)
  let faulty = 0
  for (const { at, data } of pieces.date) faulty += copyTimes(data, columns.times, at)
  for (const { at, data } of pieces.delay) faulty += copyDelays(data, columns.delays, at)
  // What is not a number is no index of a name, and neither is the id of the empty name.
  const empty = names.list.indexOf("")
  for (const { at, data } of pieces.origin) faulty += copyIds(data, columns.origins, at, empty)
  for (const { at, data } of pieces.destination) faulty += copyIds(data, columns.destinations, at, empty)
  return faulty === 0 ? { columns, rows, lines: 0, rejected: [] } : withoutFaulty(columns, pieces, wanted, names)
}

// A function for each kind of data: every thread compiles them anew, and one that sees a single
// kind of array is compiled once and stays so. Each gives the number of values it could not use.

const copyTimes = (data: DecodedArray, times: Float64Array, at: number): number => {
  let faulty = 0
  for (let i = 0; i < data.length; i++) {
    const value: unknown = data[i]
    const usable = typeof value === "number" && value >= earliest && value <= latest
    if (!usable) faulty++
    times[at + i] = usable ? value : bad.time
  }
  return faulty
}

const copyDelays = (data: DecodedArray, delays: Int32Array, at: number): number => {
  let faulty = 0
  for (let i = 0; i < data.length; i++) {
    const value: unknown = data[i]
    const usable = typeof value === "number" && (value | 0) === value && value !== bad.delay
    if (!usable) faulty++
    delays[at + i] = usable ? value : bad.delay
  }
  return faulty
}

const copyIds = (data: DecodedArray, ids: Int32Array, at: number, empty: number): number => {
  let faulty = 0
  for (let i = 0; i < data.length; i++) {
    const value: unknown = data[i]
    const usable = typeof value === "number" && value !== empty
    if (!usable) faulty++
    ids[at + i] = usable ? value : bad.name
  }
  return faulty
}

const expected: { readonly [C in Column]: string } = {
  date: "a date of the years 0 to 9999",
  delay: "a whole number of minutes",
  origin: "an airport code",
  destination: "an airport code"
}

/** Moves the usable rows together and keeps the others aside. */
const withoutFaulty = (
  columns: Part["columns"],
  pieces: { readonly [C in Column]: ReadonlyArray<Piece> },
  wanted: ReadonlyArray<Column>,
  names: Names
): Part => {
  const { delays, destinations, origins, rows, times } = columns
  const valueOf = (column: Column, row: number): string | number | null => {
    const piece = pieces[column].find(({ at, data }) => row >= at && row < at + data.length)
    const value: unknown = piece?.data[row - piece.at]
    if (typeof value !== "number") return value === undefined || value === null ? null : String(value)
    if (column === "date") return value >= earliest && value <= latest ? new Date(value).toISOString() : value
    return column === "delay" ? value : names.list[value]
  }
  const rejected: Array<Rejected> = []
  let accepted = 0
  for (let row = 0; row < rows; row++) {
    const column: Column | undefined = Number.isNaN(times[row])
      ? "date"
      : delays[row] === bad.delay
        ? "delay"
        : origins[row] === bad.name
          ? "origin"
          : destinations[row] === bad.name
            ? "destination"
            : undefined
    if (column === undefined) {
      times[accepted] = times[row]
      delays[accepted] = delays[row]
      origins[accepted] = origins[row]
      destinations[accepted++] = destinations[row]
      continue
    }
    const value = valueOf(column, row)
    const reason = value === null || value === "" ? "missing" : `${String(value)} is not ${expected[column]}`
    const raw = Object.fromEntries(wanted.map((name) => [name, valueOf(name, row)]))
    rejected.push({ row: row + 1, line: 0, column, reason, raw })
  }
  return { columns: { ...columns, rows: accepted }, rows, lines: 0, rejected }
}
