/**
 * State on the move: what a worker does when key groups leave it or come to it.
 *
 * @since 0.1.0
 */
import * as KeyGroup from "../partition/KeyGroup.ts"
import * as KeyHash from "../partition/KeyHash.ts"
import type { Groups } from "./Wire.ts"
import type { AnyImplementation, Key } from "./Worker.ts"

/**
 * A set of key groups, as it travels.
 *
 * @category constructors
 * @since 0.1.0
 */
export const groupsOf = (groups: Iterable<number>, count: number, forget: boolean): typeof Groups.Type => {
  const bits = new Uint8Array(Math.ceil(count / 8))
  for (const group of groups) bits[group >> 3] |= 1 << (group & 7)
  return { bits, count, forget }
}

const ownedBy =
  ({ bits, count }: typeof Groups.Type) =>
  (key: Key): boolean => {
    const group = KeyGroup.of(KeyHash.of(key), count)
    return (bits[group >> 3] & (1 << (group & 7))) !== 0
  }

/**
 * Answers one of the runtime's own requests: gives the state of groups, and forgets it if told to,
 * or adds what another worker gave.
 *
 * @category runners
 * @since 0.1.0
 */
export const run = (
  handlers: AnyImplementation["handlers"],
  state: unknown,
  extract: boolean,
  payload: unknown
): unknown => {
  if (handlers.snapshot === undefined || handlers.restore === undefined || handlers.forget === undefined) {
    throw new Error("its contract declares state, and its implementation has not all of snapshot, restore and forget")
  }
  if (!extract) return handlers.restore(state, payload)
  const groups = payload as typeof Groups.Type
  const owns = ownedBy(groups)
  const snapshot = handlers.snapshot(state, owns)
  if (groups.forget) handlers.forget(state, owns)
  return snapshot
}
