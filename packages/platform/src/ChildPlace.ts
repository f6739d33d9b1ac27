/**
 * The worker's side of a child process: a mirror of its owner's memory, fed through a pipe.
 *
 * The process ends when its parent hangs up: because it has all that it wanted, or because it is gone.
 *
 * @since 0.1.0
 */
import * as ControlPage from "@shared-nothing/core/ControlPage"
import type { MirrorStart } from "@shared-nothing/core/OwnerMirror"
import * as WorkerMirror from "@shared-nothing/core/WorkerMirror"
import * as Effect from "effect/Effect"
import type { Place } from "./Boot.ts"
import * as Child from "./Child.ts"

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (start: MirrorStart): Place => {
  const pipe = Child.openPipe()
  for (const event of ["end", "close", "error"]) pipe.once(event, () => process.exit(0))
  // Nobody puts anything down to a worker that nobody supervises.
  const page = start.safeguard === undefined ? undefined : Child.openPage(ControlPage.bytes)
  const mirror = WorkerMirror.make(start, (bytes) => pipe.write(bytes), page)
  pipe.on("drain", mirror.resume)
  pipe.on("data", mirror.receive)
  const flush: Effect.Effect<void> = Effect.suspend(() =>
    mirror.flush() ? Effect.void : Effect.andThen(Effect.sleep(1), flush)
  )
  return {
    links: mirror.links,
    control: mirror.control,
    leave: (report) =>
      Effect.andThen(
        flush,
        Effect.callback<never>(() => {
          report()
          pipe.end()
        })
      )
  }
}
