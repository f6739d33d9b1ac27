/**
 * Flights as columns: what a reader hands over. Airport codes are small integers, so that the loops
 * behind the reader touch no string.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/** Gives every distinct name the next small integer. */
export class Names {
  readonly list: Array<string> = []
  private readonly ids = new Map<string, number>()

  id(name: string): number {
    let id = this.ids.get(name)
    if (id === undefined) {
      id = this.list.length
      this.ids.set(name, id)
      this.list.push(name)
    }
    return id
  }
}

/** What marks a value that is missing or unusable until its row is rejected. */
export const bad = { time: Number.NaN, delay: -0x80000000, name: -1 } as const

/** The years that a date may have, in ms since the epoch: 0000 to 9999. */
export const earliest = -62_167_219_200_000
export const latest = 253_402_300_799_999

export interface FlightColumns {
  readonly rows: number
  /** Scheduled departure, ms since the epoch. */
  readonly times: Float64Array
  /** Minutes, negative when early. */
  readonly delays: Int32Array
  /** Index in the reader's `Names`; untouched where the key does not need the column. */
  readonly origins: Int32Array
  readonly destinations: Int32Array
}

export const allocate = (rows: number): FlightColumns => ({
  rows,
  times: new Float64Array(rows),
  delays: new Int32Array(rows),
  origins: new Int32Array(rows),
  destinations: new Int32Array(rows)
})

/** The first `rows` rows. */
export const take = (columns: FlightColumns, rows: number): FlightColumns =>
  rows === columns.rows ? columns : { ...columns, rows }

/** A row that could not be used. Numbers count from 1; `row` leaves out header and blank lines. */
export const Rejected = Schema.Struct({
  row: Schema.Int,
  /** Line in the file; 0 where the file has no lines. */
  line: Schema.Int,
  /** Empty where no single column is to blame. */
  column: Schema.String,
  reason: Schema.String,
  /** The line, or the values of the columns that were read. */
  raw: Schema.Union([
    Schema.String,
    Schema.Record(Schema.String, Schema.Union([Schema.String, Schema.Number, Schema.Null]))
  ])
})
export type Rejected = typeof Rejected.Type

/** What one read of a part of the file gave. Row and line numbers are relative to the part. */
export interface Part {
  readonly columns: FlightColumns
  /** Rows seen, rejected ones included. */
  readonly rows: number
  readonly lines: number
  readonly rejected: ReadonlyArray<Rejected>
}
