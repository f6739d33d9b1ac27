/**
 * Waiting with a limit. Only the wait is raced against the clock, never the taking or the placing
 * of a message: so a message is not lost to a timeout that comes at the same time.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Waiter } from "./WaitStrategy.ts"

/**
 * A wait that may be repeated and fails once all of them together took longer than so many milliseconds,
 * counted from the first.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <E>(waiter: Waiter, millis: number, onTimeout: () => E): Effect.Effect<void, E> => {
  let deadline: number | undefined
  return Clock.clockWith((clock) => {
    const now = clock.currentTimeMillisUnsafe()
    deadline ??= now + millis
    return Effect.flatMap(Effect.timeoutOption(waiter.wait(true), Math.max(0, deadline - now)), (woken) =>
      Option.isSome(woken) || waiter.ready ? Effect.void : Effect.failSync(onTimeout)
    )
  })
}
