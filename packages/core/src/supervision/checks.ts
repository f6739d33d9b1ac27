/**
 * What of a `Supervision` cannot be carried out.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { isSchedule } from "effect/Schedule"
import { InvalidConfig } from "../errors/Errors.ts"
import { durations, millisOf } from "../errors/Options.ts"
import { type Breaker, type Decisions, isSupervision, type Refused, type Supervision } from "./Supervision.ts"

type Problems = ReadonlyArray<Refused>

/** As many as a pool can have workers. */
const mostSpares = 1024

const whole = (option: string, value: unknown, minimum: number, maximum = Infinity): Problems => {
  if (typeof value === "number" && Number.isInteger(value) && value >= minimum && value <= maximum) return []
  return [[option, value, `an integer, at least ${minimum}${maximum === Infinity ? "" : `, at most ${maximum}`}`]]
}

const time = (option: string, value: unknown): Problems => {
  const millis = millisOf(value)
  return millis > 0 && millis < Infinity ? [] : [[option, value, `${durations}, longer than 0 and finite`]]
}

const word = (option: string, value: string, words: ReadonlyArray<string>): Problems =>
  words.includes(value) ? [] : [[option, value, `one of ${words.join(", ")}`]]

const schedule = (option: string, value: unknown): Problems =>
  isSchedule(value) ? [] : [[option, value, 'a Schedule, such as Schedule.spaced("1 second")']]

/** What there may be of options, each of them checked on its own. */
const options = (where: string, value: unknown, names: ReadonlyArray<string>): Problems => {
  const allowed = `an object: { ${names.join(", ")} }`
  if (typeof value !== "object" || value === null) return [[where, value, allowed]]
  const name = Object.keys(value).find((key) => !names.includes(key))
  return name === undefined ? [] : [[`${where}.${name}`, Reflect.get(value, name), allowed]]
}

const retries = ({ retry }: Decisions): Problems => {
  if (retry === undefined) return []
  const wrong = typeof retry.while !== "function"
  return [
    ...schedule("retry", retry.schedule),
    ...(wrong ? [["retry.while", retry.while, "a function: from an error to whether to try again"] as const] : [])
  ]
}

const deadlines = ({ deadline }: Decisions, tags: ReadonlySet<string> | undefined): Problems => {
  if (deadline === undefined) return []
  const forEver = millisOf(deadline.duration) === Infinity
  return [
    ...(forEver ? [] : time("deadline", deadline.duration)),
    ...time("deadline.grace", deadline.grace),
    ...Object.entries(deadline.requests).flatMap(([tag, millis]): Problems =>
      tags === undefined || tags.has(tag)
        ? time(`deadline.requests.${tag}`, millis)
        : [[`deadline.requests.${tag}`, millis, `a request of the contract: ${[...tags].join(", ") || "it has none"}`]]
    )
  ]
}

/** What `CircuitBreaker` refuses with a `RangeError`, where it makes the policy itself. */
const trips = (trip: unknown): Problems => {
  const { _tag, failures, minimumCalls, size, threshold } = (trip ?? {}) as Record<string, unknown>
  if (_tag === "Consecutive") return whole("circuitBreaker.trip.failures", failures, 1)
  if (_tag !== "Rate") {
    return [["circuitBreaker.trip", trip, "CircuitBreaker.consecutive(failures), or CircuitBreaker.rate(options)"]]
  }
  const share = typeof threshold === "number" && threshold >= 0 && threshold <= 1
  return [
    ...(share ? [] : [["circuitBreaker.trip.threshold", threshold, "a number from 0 to 1"] as const]),
    ...whole("circuitBreaker.trip.size", size, 1),
    ...whole("circuitBreaker.trip.minimumCalls", minimumCalls, 1, Number(size))
  ]
}

const circuit = (breaker: Breaker | undefined): Problems => {
  if (breaker === undefined) return []
  const { openDuration, trip, whileOpen } = breaker
  return [
    ...trips(trip),
    ...time("circuitBreaker.openDuration", openDuration),
    ...word("circuitBreaker.whileOpen", whileOpen, ["wait", "fail", "failover"])
  ]
}

const recycling = ({ recycle }: Decisions): Problems => {
  if (recycle === undefined) return []
  const problems: Array<Refused> = []
  if ("messages" in recycle) problems.push(...whole("recycleAfter", recycle.messages, 1))
  if (!("heap" in recycle)) return problems
  const { heap } = recycle
  const { megabytes, share } = heap ?? {}
  if (megabytes === undefined && share === undefined) {
    problems.push(["heapWatermark", heap, "{ share: 0.8 }, or { megabytes: 512 }"])
  }
  problems.push(...options("heapWatermark", heap, ["share", "megabytes"]))
  if (share !== undefined && !(typeof share === "number" && share > 0 && share < 1)) {
    problems.push(["heapWatermark.share", share, "between 0 and 1"])
  }
  if (megabytes !== undefined && !(typeof megabytes === "number" && megabytes > 0 && megabytes < Infinity)) {
    problems.push(["heapWatermark.megabytes", megabytes, "a number above 0"])
  }
  return problems
}

const failbacks = (decisions: Decisions): Problems => {
  if (!("failback" in decisions)) return []
  const { breaker, failback, groupBreaker, measures } = decisions
  const failsOver =
    measures.some(({ _tag }) => _tag === "Failover") ||
    breaker?.whileOpen === "failover" ||
    groupBreaker?.whileOpen === "failover"
  const alone =
    'only with Supervision.failover, or a circuit breaker with whileOpen: "failover": nothing else comes back'
  return [...schedule("failback", failback), ...(failsOver ? [] : [["failback", failback, alone] as const])]
}

/** Of what was decided: absent, or something that can be. */
const problemsOf = (decisions: Decisions, tags: ReadonlySet<string> | undefined): Problems => {
  const { breaker, deadLetters, deaths, groupBreaker, intensity, measures, refused, snapshots, spares } = decisions
  return [
    ...(refused === undefined ? [] : [refused]),
    ...measures.flatMap((measure) => (measure._tag === "Restart" ? schedule("restart", measure.schedule) : [])),
    ...("strategy" in decisions ? word("strategy", decisions.strategy, ["oneForOne", "oneForAll", "restForOne"]) : []),
    ...("intensity" in decisions
      ? [
          ...options("intensity", intensity, ["restarts", "within"]),
          ...whole("intensity.restarts", intensity?.restarts, 0),
          ...time("intensity.within", intensity?.within)
        ]
      : []),
    ...("snapshots" in decisions
      ? [
          ...options("snapshots", snapshots, ["every", "within"]),
          ...whole("snapshots.every", snapshots?.every, 1),
          ...time("snapshots.within", snapshots?.within)
        ]
      : []),
    ...retries(decisions),
    ...deadlines(decisions, tags),
    ...("deaths" in decisions ? whole("poison", deaths, 1) : []),
    ...("deadLetters" in decisions ? whole("deadLetters", deadLetters, 1) : []),
    ...("spares" in decisions ? whole("spares", spares, 0, mostSpares) : []),
    ...circuit(breaker),
    ...circuit(groupBreaker),
    ...failbacks(decisions),
    ...recycling(decisions)
  ]
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
 * Fails with the first that cannot be. `tags` are those of the contract's requests, undefined where there is no
 * contract; `where` names what was given, for what is no Supervision at all.
 *
 * @category constructors
 * @since 0.1.0
 */
export const check = (
  where: string,
  supervision: Supervision,
  tags: ReadonlySet<string> | undefined
): Effect.Effect<void, InvalidConfig> => {
  if (!isSupervision(supervision)) {
    const allowed = "a value of module Supervision, such as Supervision.restart()"
    return Effect.fail(new InvalidConfig({ option: where, value: supervision, allowed }))
  }
  const [problem] = problemsOf(supervision, tags)
  if (problem === undefined) return Effect.void
  const [option, value, allowed] = problem
  return Effect.fail(new InvalidConfig({ option: `Supervision.${option}`, value, allowed }))
}
