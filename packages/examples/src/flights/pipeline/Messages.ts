/**
 * What goes along the edges of the pipeline: what readers tell and send, and what comes out.
 *
 * Reports take the same way as batches, and pass the aggregation as they are. So does the failure of
 * a reader: as an element it keeps what it knows, and the sink makes the failure of the job of it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { Airport } from "../airports.ts"
import { aligned, FlightBatch, GroupBatch } from "../exchange/Batch.ts"
import { type Part, Rejected } from "../input/Columns.ts"
import type { InputError } from "../InputError.ts"

/** What became of a part of the input. */
export const PartReport = Schema.TaggedStruct("Report", {
  /** Number of the part, from 0. */
  task: Schema.Int,
  /** In the unit of all tasks' sizes. */
  size: Schema.Number,
  /** Rows seen, rejected ones included. */
  rows: Schema.Int,
  lines: Schema.Int,
  /** Time of the part's first accepted flight, ms since the epoch. */
  firstTime: Schema.optionalKey(Schema.Number),
  rejected: Schema.Array(Rejected)
})
export type PartReport = typeof PartReport.Type

export const reportOf = (task: number, size: number, { columns, lines, rejected, rows }: Part): PartReport => ({
  _tag: "Report",
  task,
  size,
  rows,
  lines,
  ...(columns.rows > 0 ? { firstTime: columns.times[0] } : {}),
  rejected
})

/** The file, or a part of it, could not be read. */
export const Unreadable = Schema.TaggedStruct("Unreadable", {
  why: Schema.Struct({ file: Schema.String, place: Schema.optionalKey(Schema.String), detail: Schema.String })
})
export type Unreadable = typeof Unreadable.Type

export const unreadable = (why: InputError): Unreadable => ({ _tag: "Unreadable", why })

/** What readers send. */
export const Message = Schema.Union([PartReport, Unreadable, FlightBatch, GroupBatch])
export type Message = typeof Message.Type

/** The groups of one key, by time, and the airports that it names. */
export const KeyDelays = Schema.TaggedStruct("Delays", {
  name: Schema.String,
  rows: Schema.Int,
  /** Float64Arrays of windows and totals, then Int32Arrays of flights, delayed and maxima. */
  columns: Schema.Uint8Array,
  from: Schema.optionalKey(Airport),
  to: Schema.optionalKey(Airport)
})
export type KeyDelays = typeof KeyDelays.Type

export interface GroupColumns {
  /** Start of the window, ms since the epoch. */
  readonly windows: Float64Array
  /** Sum of delays, minutes. */
  readonly totals: Float64Array
  readonly flights: Int32Array
  /** Flights delayed more than 15 minutes. */
  readonly delayed: Int32Array
  /** Maximum delay, minutes. */
  readonly maxima: Int32Array
}

const groupBytes = 2 * 8 + 3 * 4

const columnsIn = (buffer: ArrayBufferLike, at: number, rows: number): GroupColumns => ({
  windows: new Float64Array(buffer, at, rows),
  totals: new Float64Array(buffer, at + 8 * rows, rows),
  flights: new Int32Array(buffer, at + 16 * rows, rows),
  delayed: new Int32Array(buffer, at + 20 * rows, rows),
  maxima: new Int32Array(buffer, at + 24 * rows, rows)
})

/** Columns to fill, and their bytes. */
export const allocateColumns = (rows: number): { readonly views: GroupColumns; readonly bytes: Uint8Array } => {
  const bytes = new Uint8Array(rows * groupBytes)
  return { views: columnsIn(bytes.buffer, 0, rows), bytes }
}

/** The columns that came. */
export const columnsOf = ({ columns, rows }: KeyDelays): GroupColumns => {
  const { buffer, byteOffset } = aligned(columns)
  return columnsIn(buffer, byteOffset, rows)
}

/** How many batches a worker has aggregated in all. */
export const Handled = Schema.TaggedStruct("Handled", { worker: Schema.Int, batches: Schema.Int })
export type Handled = typeof Handled.Type

/** What comes out. */
export const Outcome = Schema.Union([PartReport, Unreadable, KeyDelays, Handled])
export type Outcome = typeof Outcome.Type
