/**
 * What every subject of this benchmark is given.
 *
 * @since 0.1.0
 */
import { defaults } from "../../src/nexmark/Generator.ts"
import type { QueryOptions } from "../../src/nexmark/Query.ts"
import type { QueryName } from "../../src/nexmark/queries.ts"
import type { Load } from "../harness/Suite.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface NexmarkArgs {
  readonly query: QueryName
  readonly workers: number
}

/** Events for each millisecond that a run is to take: the same for all subjects, which must agree. */
const eventsPerMilli = 5000

/** The query's options under a load: events 10,000 a second, in order. */
export const optionsOf = ({ workers }: NexmarkArgs, load: Load): QueryOptions => ({
  ...defaults,
  events: load.measureMillis * eventsPerMilli,
  workers
})
