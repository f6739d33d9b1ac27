/**
 * The subtasks of one thread, which take turns: who has nothing to do passes its turn on while others
 * have something, and sleeps only once nobody has.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"

/**
 * One of the subtasks of a slot, as the others see it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Turns {
  working: boolean
}

/**
 * @category models
 * @since 0.1.0
 */
export class Slot {
  private readonly members: Array<Turns> = []

  /** Adds a subtask. */
  join(): Turns {
    const member: Turns = { working: false }
    this.members.push(member)
    return member
  }

  /** Whether others are here to be let work. */
  get isShared(): boolean {
    return this.members.length > 1
  }

  /** Waits by `sleep`, or as long as others work only for its next turn. */
  rest<E>(member: Turns, sleep: Effect.Effect<void, E>): Effect.Effect<void, E> {
    member.working = false
    return this.members.some(({ working }) => working) ? Effect.yieldNow : sleep
  }
}
