/**
 * What readers send to the owners of keys: columns of some thousand flights, or of groups that a reader
 * has made of its flights already. An element for each flight would cost more than the work on it.
 *
 * The columns lie one after the other in one buffer, the widest first so that each is aligned. A batch is
 * small enough for the lane from thread to thread, so that it is not lost with the thread that sent it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/** The most flights, or groups, in a batch; its names are indexed by 16 bits. */
export const maxRows = 1 << 16

const common = {
  /** Who owns its keys. */
  worker: Schema.Int,
  /** Flights or groups in this batch. */
  rows: Schema.Int,
  /** The distinct keys in this batch. */
  names: Schema.Array(Schema.String),
  /** The columns, `rows` long each. */
  columns: Schema.Uint8Array
}

/** Float64Array of times, Int32Array of delays and Uint16Array of keys. */
export const FlightBatch = Schema.TaggedStruct("Flights", common)
export type FlightBatch = typeof FlightBatch.Type

/** Float64Array of totals, then Int32Arrays of keys, windows, flights, delayed and maxima. */
export const GroupBatch = Schema.TaggedStruct("Groups", common)
export type GroupBatch = typeof GroupBatch.Type

export const Batch = Schema.Union([FlightBatch, GroupBatch])
export type Batch = typeof Batch.Type

export interface FlightViews {
  /** Ms since the epoch. */
  readonly times: Float64Array
  /** Minutes. */
  readonly delays: Int32Array
  /** Index in the batch's names. */
  readonly keys: Uint16Array
}

export interface GroupViews {
  /** Sum of delays, minutes. */
  readonly totals: Float64Array
  /** Index in the batch's names. */
  readonly keys: Int32Array
  /** Number of the window, counted from the epoch. */
  readonly windows: Int32Array
  readonly flights: Int32Array
  /** Flights delayed more than 15 minutes. */
  readonly delayed: Int32Array
  /** Maximum delay, minutes. */
  readonly maxima: Int32Array
}

const flightBytes = 8 + 4 + 2
const groupBytes = 8 + 5 * 4

/** Groups take twice the bytes of flights: fewer than this for each flight, and they are the shorter message. */
export const groupsPerFlight = flightBytes / groupBytes

const flightViews = (buffer: ArrayBufferLike, at: number, rows: number): FlightViews => ({
  times: new Float64Array(buffer, at, rows),
  delays: new Int32Array(buffer, at + 8 * rows, rows),
  keys: new Uint16Array(buffer, at + 12 * rows, rows)
})

const groupViews = (buffer: ArrayBufferLike, at: number, rows: number): GroupViews => ({
  totals: new Float64Array(buffer, at, rows),
  keys: new Int32Array(buffer, at + 8 * rows, rows),
  windows: new Int32Array(buffer, at + 12 * rows, rows),
  flights: new Int32Array(buffer, at + 16 * rows, rows),
  delayed: new Int32Array(buffer, at + 20 * rows, rows),
  maxima: new Int32Array(buffer, at + 24 * rows, rows)
})

/** The bytes themselves where they are aligned, else a copy. */
export const aligned = (bytes: Uint8Array): Uint8Array => (bytes.byteOffset % 8 === 0 ? bytes : bytes.slice())

/** The columns of a batch that came. */
export const flightsOf = ({ columns, rows }: FlightBatch): FlightViews => {
  const { buffer, byteOffset } = aligned(columns)
  return flightViews(buffer, byteOffset, rows)
}

/** The columns of a batch that came. */
export const groupsOf = ({ columns, rows }: GroupBatch): GroupViews => {
  const { buffer, byteOffset } = aligned(columns)
  return groupViews(buffer, byteOffset, rows)
}

/** Columns to fill, and their bytes. */
export const allocateFlights = (rows: number): { readonly views: FlightViews; readonly bytes: Uint8Array } => {
  const bytes = new Uint8Array(rows * flightBytes)
  return { views: flightViews(bytes.buffer, 0, rows), bytes }
}

/** Columns to fill, and their bytes. */
export const allocateGroups = (rows: number): { readonly views: GroupViews; readonly bytes: Uint8Array } => {
  const bytes = new Uint8Array(rows * groupBytes)
  return { views: groupViews(bytes.buffer, 0, rows), bytes }
}
