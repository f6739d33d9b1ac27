/**
 * What of a `Supervision` cannot be carried out.
 *
 * @since 0.1.0
 */
import { fromInput, isFinite, isPositive } from "effect/Duration"
import * as Effect from "effect/Effect"
import { InvalidConfig } from "../errors/Errors.ts"
import type { Breaker, Decisions } from "./Supervision.ts"

type Problem = readonly [option: string, value: unknown, allowed: string]

const whole = (option: string, value: number | undefined, minimum: number): ReadonlyArray<Problem> =>
  value === undefined || (Number.isInteger(value) && value >= minimum)
    ? []
    : [[option, value, `an integer, at least ${minimum}`]]

const time = (option: string, value: Parameters<typeof fromInput>[0] | undefined): ReadonlyArray<Problem> => {
  if (value === undefined) return []
  const duration = fromInput(value)
  return duration._tag === "Some" && isFinite(duration.value) && isPositive(duration.value)
    ? []
    : [[option, value, "a duration above 0"]]
}

const deadlines = ({ deadline }: Decisions, tags: ReadonlySet<string>): ReadonlyArray<Problem> => {
  if (deadline === undefined) return []
  const duration = fromInput(deadline.duration)
  const forEver = duration._tag === "Some" && !isFinite(duration.value) && isPositive(duration.value)
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

/** One key group has no place of its own among the other workers. */
const placeless = (breaker: Breaker | undefined): ReadonlyArray<Problem> =>
  breaker?.whileOpen === "failover" ? [["circuitBreaker.whileOpen", "failover", "wait or fail, for a key group"]] : []

const heap = ({ recycle }: Decisions): ReadonlyArray<Problem> => {
  const { megabytes, share } = recycle?.heap ?? {}
  const problems: Array<Problem> = []
  if (share !== undefined && !(share > 0 && share < 1)) problems.push(["heapWatermark.share", share, "between 0 and 1"])
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
    ...whole("intensity.restarts", intensity?.restarts, 0),
    ...time("intensity.within", intensity?.within),
    ...whole("snapshots.every", snapshots?.every, 1),
    ...time("snapshots.within", snapshots?.within),
    ...deadlines(decisions, tags),
    ...whole("poison", decisions.deaths, 1),
    ...whole("deadLetters", decisions.deadLetters, 1),
    ...whole("spares", decisions.spares, 0),
    ...time("circuitBreaker.openDuration", breaker?.openDuration),
    ...time("circuitBreaker.openDuration", groupBreaker?.openDuration),
    ...placeless(groupBreaker),
    ...whole("recycleAfter", decisions.recycle?.messages, 1),
    ...heap(decisions)
  ]
  if (problem === undefined) return Effect.void
  const [option, value, allowed] = problem
  return Effect.fail(new InvalidConfig({ option: `Supervision.${option}`, value, allowed }))
}
