/**
 * The message between workers: some thousand flights as columns. A message for each flight would
 * cost more than the work on it.
 *
 * The columns lie one after the other in one buffer, the widest first so that each is aligned. The
 * buffer moves from thread to thread and is never copied.
 *
 * @since 0.1.0
 */
import * as Codec from "@shared-nothing/core/Codec"
import * as Schema from "effect/Schema"

/** The most flights in a batch; a batch's names are indexed by 16 bits. */
export const maxRows = 1 << 16

export const Batch = Schema.Struct({
  rows: Schema.Int,
  /** The distinct keys in this batch. */
  names: Schema.Array(Schema.String),
  /** Float64Array of times, Int32Array of delays and Uint16Array of keys, `rows` long each. */
  columns: Schema.Uint8Array
})
export type Batch = typeof Batch.Type

export interface BatchColumns {
  /** Ms since the epoch. */
  readonly times: Float64Array
  /** Minutes. */
  readonly delays: Int32Array
  /** Index in the batch's names. */
  readonly keys: Uint16Array
}

const rowBytes = 8 + 4 + 2

const viewsOf = (buffer: ArrayBufferLike, at: number, rows: number): BatchColumns => ({
  times: new Float64Array(buffer, at, rows),
  delays: new Int32Array(buffer, at + 8 * rows, rows),
  keys: new Uint16Array(buffer, at + 12 * rows, rows)
})

/** The columns of a batch that came; copied only where the bytes are not aligned. */
export const columnsOf = ({ columns, rows }: Batch): BatchColumns =>
  columns.byteOffset % 8 === 0
    ? viewsOf(columns.buffer, columns.byteOffset, rows)
    : viewsOf(columns.slice().buffer, 0, rows)

/** Columns to fill, and their bytes. */
export const allocate = (rows: number): { readonly views: BatchColumns; readonly bytes: Uint8Array } => {
  const bytes = new Uint8Array(rows * rowBytes)
  return { views: viewsOf(bytes.buffer, 0, rows), bytes }
}

/** The batch, to be moved instead of copied by the next message that carries it. */
export const moved = (batch: Batch): Batch => {
  Codec.moved(batch.columns)
  return batch
}
