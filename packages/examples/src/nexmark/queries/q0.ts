/**
 * Query 0, pass through: every event as it is. What is measured is what moving costs.
 *
 * @since 0.1.0
 */
import { query } from "../Query.ts"

export const q0 = query("q0", (events) => events)
