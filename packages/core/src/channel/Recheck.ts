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
  /** Its place among all that sleep; -1 while it does not. For this module. */
  place: number
  /** Looks again. */
  recheck(): void
}

interface Timer {
  ref?(): void
  unref?(): void
}

/** How long a wait sleeps at most before it looks again, in milliseconds. */
export const recheckMillis = 100

// Not a set: one that is added to and deleted from all the time is built anew now and then.
const sleeping: Array<Sleeping> = []
let holding = 0
let timer: ReturnType<typeof setInterval> | undefined

const tick = (): void => {
  if (sleeping.length === 0) {
    clearInterval(timer)
    timer = undefined
    return
  }
  // From the end: whoever finds something to do leaves, and the last takes its place.
  for (let i = sleeping.length - 1; i >= 0; i--) sleeping[i]?.recheck()
}

/**
 * @category waiting
 * @since 0.1.0
 */
export const add = (wait: Sleeping): void => {
  wait.place = sleeping.push(wait) - 1
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
  const { place } = wait
  if (place < 0) return
  wait.place = -1
  const last = sleeping.pop()!
  if (last !== wait) {
    sleeping[place] = last
    last.place = place
  }
  if (wait.keepAlive && --holding === 0) (timer as Timer | undefined)?.unref?.()
}
