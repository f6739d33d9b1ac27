/**
 * How a thread that ran out of work sleeps, and how its peer wakes it: Dekker's handshake on one
 * word, for many ringers and one sleeper.
 *
 * The sleeper stores `Armed`, looks for work once more, and sleeps only while the word is still
 * `Armed`. A ringer makes its work visible first and looks at the word afterwards. In the single
 * order of sequentially consistent accesses either the sleeper's second look finds the work, or
 * the ringer finds `Armed`: no wake-up is lost. A ring that comes late costs one idle look.
 *
 * A ringer that dies between its store and its notification would leave the sleeper asleep beside an
 * idle word, so whoever learns of a death wakes with `wake`, which does not look first.
 *
 * While nobody sleeps a ring is one load.
 *
 * @since 0.1.0
 */
import type { ByteMemory } from "./ByteMemory.ts"

const Idle = 0
const Armed = 1

/** Announces that the caller is about to sleep. It must look for work again before it does. */
export const arm = (memory: ByteMemory, index: number): void => {
  memory.seam.store(memory.i32, index, Armed)
}

/** Takes the announcement back. */
export const disarm = (memory: ByteMemory, index: number): void => {
  memory.seam.store(memory.i32, index, Idle)
}

/** Whether nobody has rung since `arm`. */
export const isArmed = (memory: ByteMemory, index: number): boolean => memory.seam.load(memory.i32, index) === Armed

/** Wakes the sleeper, if there is one. The work must be visible before. */
export const ring = (memory: ByteMemory, index: number): void => {
  if (memory.seam.load(memory.i32, index) !== Armed) return
  memory.seam.store(memory.i32, index, Idle)
  memory.seam.notify(memory.i32, index)
}

/**
 * Wakes the sleeper whatever the word says: a ringer that died between its store and its notification
 * left a sleeper that no later `ring` would wake. For whoever learns of a death.
 */
export const wake = (memory: ByteMemory, index: number): void => {
  memory.seam.store(memory.i32, index, Idle)
  memory.seam.notify(memory.i32, index)
}

/** Blocks the thread until a ring or for `millis`. */
export const sleep = (memory: ByteMemory, index: number, millis?: number): void => {
  memory.seam.wait(memory.i32, index, Armed, millis)
}

/** A promise of the next ring, or undefined when it has come already. */
export const sleepAsync = (memory: ByteMemory, index: number, millis?: number): Promise<unknown> | undefined => {
  const result = memory.seam.waitAsync(memory.i32, index, Armed, millis)
  return result.async ? result.value : undefined
}

/** A moment between two looks that leaves the processor to whoever shares it. */
export const relax = (memory: ByteMemory): void => memory.seam.pause?.()
