/**
 * The output of a pipeline, from the frames that its last subtasks send.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import type { Edge } from "../plan/Plan.ts"
import { inputCount } from "../plan/Plan.ts"
import type { Receive } from "./runSubtask.ts"
import { Watermarks } from "./Watermarks.ts"

/** The arrays of elements among the frames of an edge, until all its inputs have ended. */
export const pullOutput = <E>(edge: Edge, receive: Receive<E>): Pull.Pull<readonly [unknown, ...Array<unknown>], E> => {
  const inputs = new Watermarks(inputCount([edge]))
  let ready: ReadonlyArray<unknown> = []
  return Effect.gen(function* () {
    for (;;) {
      if (Arr.isReadonlyArrayNonEmpty(ready)) {
        const elements = ready
        ready = []
        return elements
      }
      if (inputs.open === 0) return yield* Cause.done()
      for (const frame of yield* receive) {
        if (frame._tag === "Watermark") inputs.advance(frame.from, frame.time)
        else if (frame._tag !== "Idle") {
          if (ready.length === 0) ready = frame.values
          else ready = ready.concat(frame.values)
        }
      }
    }
  })
}
