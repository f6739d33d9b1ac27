/**
 * State by window, by hand: what is complete goes out in order.
 *
 * @since 0.1.0
 */
import type { Emit, Step } from "../Plain.ts"

/** Tumbling windows of `size`, each with a state of its own. */
export const tumbling = <In, S, Out>(
  size: number,
  timeOf: (message: In) => number,
  init: () => S,
  add: (state: S, message: In) => void,
  finish: (start: number, state: S, emit: Emit<Out>) => void
): Step<In, Out> => {
  const windows = new Map<number, S>()
  let first = Infinity
  return {
    take: (message) => {
      const time = timeOf(message)
      const start = time - (time % size)
      let state = windows.get(start)
      if (state === undefined) {
        windows.set(start, (state = init()))
        first = Math.min(first, start)
      }
      add(state, message)
    },
    until: (time, emit) => {
      if (first + size - 1 > time) return
      for (const start of [...windows.keys()].filter((one) => one + size - 1 <= time).sort((a, b) => a - b)) {
        finish(start, windows.get(start)!, emit)
        windows.delete(start)
      }
      first = Math.min(Infinity, ...windows.keys())
    }
  }
}
