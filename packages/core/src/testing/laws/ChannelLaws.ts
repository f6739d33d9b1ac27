/**
 * What every channel keeps, whatever it is made of: one suite for shared memory, for a pair of
 * threads, and for every transport to come. A law is an effect that fails when it is broken, so
 * any test runner can run it.
 *
 * @since 0.1.0
 */
import { closingLaws } from "./closingLaws.ts"
import { deathLaws } from "./deathLaws.ts"
import type { Law, Subject } from "./Subject.ts"
import { trafficLaws } from "./trafficLaws.ts"

export { type Law, LawBroken, Message, type Opened, type Subject } from "./Subject.ts"

/**
 * All laws of channels, for one kind of channel.
 *
 * @category laws
 * @since 0.1.0
 */
export const all = (subject: Subject): ReadonlyArray<Law> => [
  ...trafficLaws(subject),
  ...closingLaws(subject),
  ...deathLaws(subject)
]
