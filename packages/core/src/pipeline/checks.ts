/**
 * Checks of what a stage is told: each gives the faults that are told when the pipeline is planned.
 *
 * @since 0.1.0
 */
import { format, isDuration } from "effect/Duration"
import { durations, millisOf } from "../errors/Options.ts"
import type { Fault } from "./Graph.ts"

/** What of a number is allowed, in words and as a test. */
interface Rule {
  readonly allowed: string
  readonly holds: (n: number) => boolean
}

export const longerThanNone: Rule = { allowed: "longer than 0", holds: (n) => n > 0 }
export const longerThanNoneFinite: Rule = {
  allowed: "longer than 0 and finite",
  holds: (n) => n > 0 && n < Infinity
}
export const atLeastNone: Rule = { allowed: "at least 0", holds: (n) => n >= 0 }
export const atLeastNoneFinite: Rule = { allowed: "at least 0 and finite", holds: (n) => n >= 0 && n < Infinity }
export const finite: Rule = { allowed: "finite", holds: Number.isFinite }
export const moreThanNone: Rule = { allowed: "more than 0", holds: (n) => n > 0 }
export const atLeastOne: Rule = { allowed: "at least 1", holds: (n) => n >= 1 }
export const share: Rule = { allowed: "from 0 to 1", holds: (n) => n >= 0 && n <= 1 }
export const wholeFromNone: Rule = {
  allowed: "a whole number of at least 0",
  holds: (n) => Number.isInteger(n) && n >= 0
}
export const wholeFromOne: Rule = {
  allowed: "a whole number of at least 1",
  holds: (n) => Number.isInteger(n) && n >= 1
}

/** The faults of a duration. */
export const duration = (option: string, value: unknown, { allowed, holds }: Rule): ReadonlyArray<Fault> => {
  const millis = millisOf(value)
  if (holds(millis)) return []
  const shown = isDuration(value) ? format(value) : value
  return [{ option, value: shown, allowed: Number.isNaN(millis) ? `${durations}, ${allowed}` : allowed }]
}

/** The faults of a number. Text is no number, whatever it says. */
export const number = (option: string, value: unknown, { allowed, holds }: Rule): ReadonlyArray<Fault> =>
  typeof value === "number" && holds(value) ? [] : [{ option, value, allowed }]

/** The faults of one of several words. */
export const word = (option: string, value: unknown, words: ReadonlyArray<string>): ReadonlyArray<Fault> =>
  words.includes(value as string) ? [] : [{ option, value, allowed: `one of ${words.join(", ")}` }]
