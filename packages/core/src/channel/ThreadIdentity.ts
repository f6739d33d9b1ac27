/**
 * The number under which this thread holds endpoints. Whoever learns of a thread's death must know
 * it, so a platform sets it from something that the parent knows too (on Node.js, `threadId`);
 * elsewhere it is drawn at random when this module loads.
 *
 * @since 0.1.0
 */
import { maxOwner } from "../ring/layout.ts"

// The highest numbers are for workers without a thread of their own.
let owner = 1 + Math.floor(Math.random() * (maxOwner >>> 1))

/**
 * @category accessors
 * @since 0.1.0
 */
export const current = (): number => owner

/**
 * Names this thread, once, before anything is attached. Positive, at most 2^28 - 1.
 *
 * @category accessors
 * @since 0.1.0
 */
export const set = (value: number): void => {
  owner = value
}

let virtual = maxOwner

/**
 * A number for a worker that shares this thread with its owner, so that its end can be told apart.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeVirtual = (): number => virtual--
