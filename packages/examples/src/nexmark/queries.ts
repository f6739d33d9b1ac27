/**
 * All queries: the module that threads load.
 *
 * @since 0.1.0
 */
import { q0 } from "./queries/q0.ts"
import { q1 } from "./queries/q1.ts"
import { q11 } from "./queries/q11.ts"
import { q12 } from "./queries/q12.ts"
import { q2 } from "./queries/q2.ts"
import { q3 } from "./queries/q3.ts"
import { q4 } from "./queries/q4.ts"
import { q5 } from "./queries/q5.ts"
import { q6 } from "./queries/q6.ts"
import { q7 } from "./queries/q7.ts"
import { q8 } from "./queries/q8.ts"
import { q9 } from "./queries/q9.ts"

export { q0, q1, q11, q12, q2, q3, q4, q5, q6, q7, q8, q9 }

/**
 * By name.
 *
 * @category queries
 * @since 0.1.0
 */
export const queries = { q0, q1, q2, q3, q4, q5, q6, q7, q8, q9, q11, q12 } as const

/**
 * @category queries
 * @since 0.1.0
 */
export type QueryName = keyof typeof queries
