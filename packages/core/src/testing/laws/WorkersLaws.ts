/**
 * What every backend of workers keeps, and every pool over it: one suite for fibers, threads and
 * processes. A law is an effect that fails when it is broken, so any test runner can run it.
 *
 * The workers that the laws are run with are in `workers/Probe.ts` and `workers/Criers.ts`; a backend that starts modules
 * has a module for each.
 *
 * @since 0.1.0
 */
import type { Law } from "./Subject.ts"
import { closingLaws } from "./workers/closingLaws.ts"
import { contractLaws } from "./workers/contractLaws.ts"
import { lifecycleLaws } from "./workers/lifecycleLaws.ts"
import { orderLaws } from "./workers/orderLaws.ts"
import { outputLaws } from "./workers/outputLaws.ts"
import { placeLaws } from "./workers/placeLaws.ts"
import type { Subject } from "./workers/Subject.ts"

export type { Law } from "./Subject.ts"
export * as Criers from "./workers/Criers.ts"
export * as Probe from "./workers/Probe.ts"
export type { Subject } from "./workers/Subject.ts"

/**
 * All laws of workers, for one backend.
 *
 * @category laws
 * @since 0.1.0
 */
export const all = (subject: Subject): ReadonlyArray<Law> => [
  ...contractLaws(subject),
  ...lifecycleLaws(subject),
  ...orderLaws(subject),
  ...placeLaws(subject),
  ...outputLaws(subject),
  ...closingLaws(subject)
]
