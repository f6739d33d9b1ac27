/**
 * What of a `Supervision` cannot be carried out.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { isSchedule } from "effect/Schedule"
import { InvalidConfig } from "../errors/Errors.ts"
import { durations, millisOf } from "../errors/Options.ts"
import type { Breaker, Decisions } from "./Supervision.ts"

type Problem = readonly [option: string, value: unknown, allowed: string]

const whole = (option: string, value: number | undefined, minimum: number): ReadonlyArray<Problem> =>
  value === undefined || (Number.isInteger(value) && value >= minimum)
    ? []
    : [[option, value, `an integer, at least ${minimum}`]]

const time = (option: string, value: unknown): ReadonlyArray<Problem> => {
  if (value === undefined) return []
  const millis = millisOf(value)
  return millis > 0 && millis < Infinity ? [] : [[option, value, `${durations}, longer than 0 and finite`]]
}

const word = (option: string, value: string | undefined, words: ReadonlyArray<string>): ReadonlyArray<Problem> =>
  value === undefined || words.includes(value) ? [] : [[option, value, `one of ${words.join(", ")}`]]

const schedule = (option: string, value: unknown): ReadonlyArray<Problem> =>
  value === undefined || isSchedule(value) ? [] : [[option, value, 'a Schedule, such as Schedule.spaced("1 second")']]

const deadlines = ({ deadline }: Decisions, tags: ReadonlySet<string>): ReadonlyArray<Problem> => {
  if (deadline === undefined) return []
  const forEver = millisOf(deadline.duration) === Infinity
  return [
    ...(forEver ? [] : time("deadline", deadline.duration)),
    ...time("deadline.grace", deadline.grace),
    ...Object.entries(deadline.requests).flatMap(([tag, millis]): ReadonlyArray<Problem> =>
      tags.has(tag)
        ? time(`deadline.requests.${tag}`, millis)
        : [[`deadline.requests.${tag}`, millis, `a request of the contract: ${[...tags].join(", ") || "it has none"}`]]
    )
  ]
}

const circuit = (breaker: Breaker | undefined): ReadonlyArray<Problem> => [
  ...time("circuitBreaker.openDuration", breaker?.openDuration),
  ...word("circuitBreaker.whileOpen", breaker?.whileOpen, ["wait", "fail", "failover"])
]

const heap = ({ recycle }: Decisions): ReadonlyArray<Problem> => {
  const { megabytes, share } = recycle?.heap ?? {}
  const problems: Array<Problem> = []
  if (share !== undefined && !(typeof share === "number" && share > 0 && share < 1))
    problems.push(["heapWatermark.share", share, "between 0 and 1"])
  if (megabytes !== undefined && !(megabytes > 0 && Number.isFinite(megabytes))) {
    problems.push(["heapWatermark.megabytes", megabytes, "a number above 0"])
  }
  return problems
}

/**
 * Whether workers ask about messages that fail, and are told about key groups.
 *
 * @category accessors
 * @since 0.1.0
 */
export const decides = ({ breaker, deadline, groupBreaker, retry }: Decisions): boolean =>
  retry !== undefined || deadline !== undefined || breaker !== undefined || groupBreaker !== undefined

/**
 * Fails with the first that cannot be; `tags` are those of the contract's requests.
 *
 * @category constructors
 * @since 0.1.0
 */
export const check = (decisions: Decisions, tags: ReadonlySet<string>): Effect.Effect<void, InvalidConfig> => {
  const { breaker, groupBreaker, intensity, snapshots } = decisions
  const [problem] = [
    ...decisions.measures.flatMap((measure) =>
      measure._tag === "Restart" ? schedule("restart", measure.schedule) : []
    ),
    ...word("strategy", decisions.strategy, ["oneForOne", "oneForAll", "restForOne"]),
    ...schedule("retry", decisions.retry?.schedule),
    ...schedule("failback", decisions.failback),
    ...whole("intensity.restarts", intensity?.restarts, 0),
    ...time("intensity.within", intensity?.within),
    ...whole("snapshots.every", snapshots?.every, 1),
    ...time("snapshots.within", snapshots?.within),
    ...deadlines(decisions, tags),
    ...whole("poison", decisions.deaths, 1),
    ...whole("deadLetters", decisions.deadLetters, 1),
    ...whole("spares", decisions.spares, 0),
    ...circuit(breaker),
    ...circuit(groupBreaker),
    ...whole("recycleAfter", decisions.recycle?.messages, 1),
    ...heap(decisions)
  ]
  if (problem === undefined) return Effect.void
  const [option, value, allowed] = problem
  return Effect.fail(new InvalidConfig({ option: `Supervision.${option}`, value, allowed }))
}
