/**
 * Turns the flights that a worker has read into messages for the owners of their keys.
 *
 * @since 0.1.0
 */
import type { FlightColumns } from "../input/Columns.ts"
import type { Addressed } from "./Batch.ts"
import { combine } from "./combine.ts"
import type { Keys } from "./Keys.ts"
import { split } from "./split.ts"

/** Groups where they are fewer than the flights by enough, else the flights; none empty. */
export const exchange = (columns: FlightColumns, keys: Keys, windowMillis: number): Array<Addressed> => {
  const ids = keys.idsOf(columns)
  return combine(columns, ids, keys, windowMillis) ?? split(columns, ids, keys)
}
