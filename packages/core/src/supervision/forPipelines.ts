/**
 * What of a `Supervision` means something where there are no messages to retry and no other worker to
 * send them to: a subtask of a pipeline is one of a kind.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { InvalidConfig } from "../errors/Errors.ts"
import { check } from "./checks.ts"
import { type Decisions, isSupervision, type Supervision } from "./Supervision.ts"

const foreign = ({
  breaker,
  deadLetters,
  deadline,
  deaths,
  failback,
  groupBreaker,
  measures,
  recycle,
  retry
}: Decisions) =>
  Object.entries({
    retry,
    deadline: deadline?.duration,
    poison: deaths,
    deadLetters,
    circuitBreaker: breaker?.openDuration ?? groupBreaker?.openDuration,
    failover: measures.find(({ _tag }) => _tag === "Failover")?._tag,
    failback,
    recycle
  }).find(([, value]) => value !== undefined)

/**
 * Fails with the first thing that cannot be, or that a pipeline has no use for.
 *
 * @category constructors
 * @since 0.1.0
 */
export const checkForPipeline = (supervision: Supervision): Effect.Effect<void, InvalidConfig> => {
  const [option, value] = (isSupervision(supervision) ? foreign(supervision) : undefined) ?? []
  return option === undefined
    ? check("Pipeline.supervised", supervision, new Set())
    : Effect.fail(
        new InvalidConfig({
          option: `Pipeline.supervised: ${option}`,
          value: typeof value === "object" ? option : value,
          allowed:
            "restart, with its snapshots and intensity, orElse, stop, escalate and spares; stages have errors of their own: onError, retries, timeout"
        })
      )
}
