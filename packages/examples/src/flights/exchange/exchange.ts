/**
 * Turns the flights that were read into batches for the owners of their keys.
 *
 * @since 0.1.0
 */
import type { FlightColumns } from "../input/Columns.ts"
import type { Batch } from "./Batch.ts"
import { combine } from "./combine.ts"
import type { Keys } from "./Keys.ts"
import { split } from "./split.ts"

/** Groups where they are fewer than the flights by enough, else the flights; none empty. */
export const exchange = (columns: FlightColumns, keys: Keys, windowMillis: number): Array<Batch> => {
  const ids = keys.idsOf(columns)
  return combine(columns, ids, keys, windowMillis) ?? split(columns, ids, keys)
}
