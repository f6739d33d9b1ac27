/**
 * A `Supervision` in words.
 *
 * @since 0.1.0
 */
import { format, type Input, fromInputUnsafe } from "effect/Duration"
import { decides } from "./checks.ts"
import type { SupervisionCounts } from "./SupervisionEvent.ts"
import { defaultIntensity } from "./Recovery.ts"
import type { Breaker, Decisions, HeapWatermark } from "./Supervision.ts"

const time = (duration: Input): string => format(fromInputUnsafe(duration))

const circuit = (name: string, breaker: Breaker | undefined): ReadonlyArray<string> =>
  breaker === undefined ? [] : [`${name} open for ${time(breaker.openDuration)}, senders ${breaker.whileOpen}`]

const watermark = ({ megabytes, share = 1 }: HeapWatermark): string =>
  megabytes === undefined ? `${Math.round(100 * share)} % of the heap` : `${megabytes} MB of heap and buffers`

/**
 * Lines that say what was decided and what has happened.
 *
 * @category converting
 * @since 0.1.0
 */
export const describe = (decisions: Decisions, counts: SupervisionCounts): ReadonlyArray<string> => {
  const { breaker, deadline, groupBreaker, measures, recycle, retry, spares = 0, strategy = "oneForOne" } = decisions
  if (measures.length === 0 && recycle === undefined && !decides(decisions)) return ["supervision: none"]
  const { restarts, within } = decisions.intensity ?? defaultIntensity
  const courses = [...measures.map(({ _tag }) => _tag.toLowerCase()), "escalate"]
  const parts = [
    measures.length === 0 ? "a panic stops its worker" : `${strategy}: ${courses.join(", then ")}`,
    ...(measures.some(({ _tag }) => _tag === "Restart") ? [`at most ${restarts} restarts in ${time(within)}`] : []),
    ...(retry === undefined ? [] : ["messages are retried"]),
    ...(deadline === undefined ? [] : [`deadline ${time(deadline.duration)}, grace ${time(deadline.grace)}`]),
    ...circuit("circuit", breaker),
    ...circuit("circuits of key groups", groupBreaker),
    ...(recycle?.messages === undefined ? [] : [`recycled after ${recycle.messages} messages`]),
    ...(recycle?.heap === undefined ? [] : [`recycled at ${watermark(recycle.heap)}`]),
    ...(spares === 0 ? [] : [`${spares} started ahead`])
  ]
  const happened = Object.entries(counts).filter(([, count]) => count > 0)
  return [
    `supervision: ${parts.join("; ")}`,
    ...(happened.length === 0 ? [] : [`  ${happened.map(([tag, count]) => `${tag} ${count}`).join("  ")}`])
  ]
}
