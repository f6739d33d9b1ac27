/**
 * Waiting for something that nobody announces: words in shared memory that another thread writes,
 * looked at once a millisecond of real time. A test's clock has no say in it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"

/**
 * Waits until `ready`. Interruptible; keeps the process alive while it waits.
 *
 * @category constructors
 * @since 0.1.0
 */
export const until = (ready: () => boolean): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (ready()) return resume(Effect.void)
    const timer = setInterval(() => {
      if (!ready()) return
      clearInterval(timer)
      resume(Effect.void)
    }, 1)
    return Effect.sync(() => clearInterval(timer))
  })
