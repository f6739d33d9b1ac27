/**
 * Sleeping at a bell until there is something to do: the sleeper's side of `Doorbell`'s handshake.
 *
 * Several fibers of one thread may sleep at the same bell, each with a `Waitable` of its own, and the
 * word has one state for all of them. So whoever armed it and then does not sleep, or stops before it
 * was rung, rings the others too: one of them may have been counting on the word that is idle now. A
 * ring that nobody needed costs one idle look.
 *
 * @since 0.1.0
 */
import type { ByteMemory } from "./ByteMemory.ts"
import * as Doorbell from "./Doorbell.ts"

/**
 * A half that can wait, and what it waits for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Waitable {
  readonly memory: ByteMemory
  /** Word index of the bell that is rung when there may be something to do. */
  readonly bell: number
  /** Whether there is something to do. Called often, must be cheap, never throws. */
  ready(): boolean
  /** Announces the wait at the bell; `ready` is asked once more before the sleep. */
  arm(): void
  /** Told after each sleep, in milliseconds. */
  parked(millis: number): void
}

/**
 * Arms the bell, looks once more, and falls asleep: a promise of the next ring, or undefined if there
 * is something to do already.
 *
 * @category waiting
 * @since 0.1.0
 */
export const begin = (target: Waitable): Promise<unknown> | undefined => {
  target.arm()
  if (!target.ready()) return Doorbell.sleepAsync(target.memory, target.bell)
  Doorbell.ring(target.memory, target.bell)
  return undefined
}

/**
 * Ends a sleep that was not rung, because its sleeper found something to do or gave up: the native wait
 * would stay behind otherwise, whatever became of its ringer.
 *
 * @category waiting
 * @since 0.1.0
 */
export const end = (target: Waitable): void => Doorbell.wake(target.memory, target.bell)

/**
 * `begin` that sleeps the whole thread, for at most `millis`. True if it slept.
 *
 * @category waiting
 * @since 0.1.0
 */
export const block = (target: Waitable, millis: number): boolean => {
  target.arm()
  const sleeps = !target.ready()
  if (sleeps) Doorbell.sleep(target.memory, target.bell, millis)
  Doorbell.ring(target.memory, target.bell)
  return sleeps
}
