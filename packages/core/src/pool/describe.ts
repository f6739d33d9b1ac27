/**
 * A pool in words: how it is made, what each of its workers does, and what was decided about failures.
 *
 * @since 0.1.0
 */
import { describe as describeSupervision } from "../supervision/describe.ts"
import type { Care } from "./Care.ts"
import type { Member } from "./Member.ts"
import type { Placement } from "./Placement.ts"
import type { WorkerStats } from "./PoolApi.ts"
import { mailboxOf, type PoolOptions } from "./PoolOptions.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Described {
  readonly name: string
  readonly isolation: string
  readonly options: PoolOptions
  /** Most workers that it may have. */
  readonly places: number
  readonly placement: Placement
  readonly care: Care
  /** Whether its contract has an output. */
  readonly emits: boolean
}

/** Why a worker holds what it has taken. */
const holding = ({ control }: Member, { savesOften }: Care): string => {
  if (!savesOften) return "in hand"
  return control.busy ? "in hand or not saved yet" : "handled, not saved yet"
}

/** Most keys that are named of a worker. */
const mostKeys = 4

/** The messages of a worker that failed and will be tried again: they hold those of their key, or key group, behind them. */
const failing = (member: Member, care: Care): ReadonlyArray<string> => {
  const all = care.ward(member).attempts.failing
  if (all.length === 0) return []
  const named = all.slice(0, mostKeys).map(({ count, error, size = 0 }) => {
    const what = size > 0 ? `a batch of ${size}` : error?.key === undefined ? "a message" : `key ${error.key}`
    return `${what} (failed ${count === 1 ? "once" : `${count} times`})`
  })
  const more = all.length > mostKeys ? [`${all.length - mostKeys} more`] : []
  return [`${member.id} tries again: ${[...named, ...more].join(", ")}`]
}

/**
 * @param stats of its workers, in their order
 *
 * @category converting
 * @since 0.1.0
 */
export const describe = (
  { care, emits, isolation, name, options, places, placement }: Described,
  stats: ReadonlyArray<WorkerStats>
): string => {
  const { capacity, laneBytes, wait } = mailboxOf(options)
  const { assignment, members } = placement
  const placed = assignment.keyed
    ? `${assignment.partitioner}, ${assignment.groups} key groups`
    : assignment.partitioner
  return [
    `pool ${name}: ${members.length} workers (${isolation}), at most ${places}, by ${placed}`,
    `  mailbox: ${capacity} messages, ${laneBytes} bytes, waits ${wait}, when full ${options.onFull}, ` +
      `${options.priorities} priorities`,
    ...stats.map(
      (s, at) =>
        `  ${s.worker}  ${s.state}  handled ${s.handled}  waiting ${s.depth - s.taken}` +
        (s.taken === 0 ? "" : `  ${holding(members[at], care)} ${s.taken}`) +
        (emits ? `  outputs ${s.outputs}` : "") +
        (s.placement === undefined ? "" : `  ${s.placement}`)
    ),
    ...describeSupervision(care.decisions, care.events.counts).map((line) => `  ${line}`),
    ...care.breaking.describe.map((line) => `  ${line}`),
    ...members.flatMap((member) => failing(member, care)).map((line) => `  ${line}`)
  ].join("\n")
}
