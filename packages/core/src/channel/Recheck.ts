/**
 * One timer for all sleeping waits of a thread: each looks again now and then whether it was rung or not,
 * because whoever should have rung may be gone. A timer of its own would cost a short wait more than all the rest.
 *
 * The timer also is what keeps a process alive while somebody waits: a native wait alone does not.
 *
 * @since 0.1.0
 */

/**
 * A wait that sleeps.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sleeping {
  /** Whether the process must not end while it sleeps. */
  readonly keepAlive: boolean
  /** Looks again. */
  recheck(): void
}

interface Timer {
  ref?(): void
  unref?(): void
}

/** How long a wait sleeps at most before it looks again, in milliseconds. */
export const recheckMillis = 100

const sleeping = new Set<Sleeping>()
let holding = 0
let timer: ReturnType<typeof setInterval> | undefined

const tick = (): void => {
  if (sleeping.size === 0) {
    clearInterval(timer)
    timer = undefined
    return
  }
  for (const wait of sleeping) wait.recheck()
}

/**
 * @category waiting
 * @since 0.1.0
 */
export const add = (wait: Sleeping): void => {
  sleeping.add(wait)
  if (timer === undefined) {
    timer = setInterval(tick, recheckMillis)
    if (holding === 0) (timer as Timer).unref?.()
  }
  if (wait.keepAlive && holding++ === 0) (timer as Timer).ref?.()
}

/**
 * @category waiting
 * @since 0.1.0
 */
export const remove = (wait: Sleeping): void => {
  if (sleeping.delete(wait) && wait.keepAlive && --holding === 0) (timer as Timer | undefined)?.unref?.()
}
