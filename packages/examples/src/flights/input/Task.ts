/**
 * Parts of a file that threads read independently; they do not overlap and, in order, are the whole.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/** Where the needed columns are in a row of CSV. */
export const CsvLayout = Schema.Struct({
  columns: Schema.Array(Schema.String),
  date: Schema.Int,
  delay: Schema.Int,
  origin: Schema.Int,
  destination: Schema.Int
})
export type CsvLayout = typeof CsvLayout.Type

/** The lines that start in the bytes from `from` to `to` of a file of `size` bytes. */
export const CsvRange = Schema.TaggedStruct("CsvRange", {
  from: Schema.Number,
  to: Schema.Number,
  size: Schema.Number,
  layout: CsvLayout
})
export type CsvRange = typeof CsvRange.Type

/** A row group of parquet, numbered from 0. */
export const ParquetGroup = Schema.TaggedStruct("ParquetGroup", { index: Schema.Int, rows: Schema.Int })
export type ParquetGroup = typeof ParquetGroup.Type

export const Task = Schema.Union([CsvRange, ParquetGroup])
export type Task = typeof Task.Type

/** How much of the input a task is: rows for parquet, bytes for CSV. */
export const sizeOf = (task: Task): number => (task._tag === "ParquetGroup" ? task.rows : task.to - task.from)
