/**
 * Waiting until nothing that was sent is left to do.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Poll from "../channel/Poll.ts"
import type { WorkerNotRunning } from "../errors/Errors.ts"
import type { Member } from "./Member.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface DrainingParts {
  readonly pool: string
  readonly members: () => ReadonlyArray<Member>
  /** Waits until no messages are on their way from one worker to another: they are in nobody's mailbox. */
  readonly arrived: Effect.Effect<void>
  /** Keeps the process alive while somebody waits. */
  readonly hold: () => void
}

/**
 * Waits until every mailbox is empty, as far as this thread has sent. Fails for one that nobody reads.
 *
 * @category runners
 * @since 0.1.0
 */
export const drained = (parts: DrainingParts): Effect.Effect<void, WorkerNotRunning> =>
  Effect.suspend(() => {
    const members = parts.members()
    const emptied = Effect.forEach(members, (member) => drainedOf(parts, member), { discard: true })
    return Effect.flatMap(Effect.andThen(emptied, parts.arrived), () =>
      members.every(({ mailbox }) => mailbox.depth === 0) && members === parts.members() ? Effect.void : drained(parts)
    )
  })

const drainedOf = (parts: DrainingParts, member: Member): Effect.Effect<void, WorkerNotRunning> =>
  Effect.suspend(() => {
    const { mailbox } = member
    if (mailbox.depth === 0) return Effect.void
    if (!member.alive) return Effect.fail(member.notRunning(`pool ${parts.pool}: drained`, []))
    parts.hold()
    // A mailbox that takes nothing does not make anybody wait.
    const emptied = member.refuses
      ? Poll.until(() => mailbox.depth === 0 || !member.refuses || !member.alive)
      : mailbox.empty
    return Effect.flatMap(emptied, () => drainedOf(parts, member))
  })
