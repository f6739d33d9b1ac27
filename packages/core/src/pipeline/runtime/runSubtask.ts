/**
 * Runs a subtask until its inputs have ended: takes what has come, hands it to the subtask, sends
 * what that made, and waits. It never takes more while it cannot send: backpressure.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { type PipelineFailed, toFailed } from "../PipelineFailed.ts"
import { nameOf } from "../plan/Plan.ts"
import type { Frame } from "./Frame.ts"
import type { Subtask } from "./Subtask.ts"

/**
 * Waits for frames, at least one.
 *
 * @category models
 * @since 0.1.0
 */
export type Receive<E> = Effect.Effect<ReadonlyArray<Frame>, E>

/**
 * Sends frames to one subtask, in order, waiting for room.
 *
 * @category models
 * @since 0.1.0
 */
export type Send = (frames: ReadonlyArray<Frame>) => Effect.Effect<void, PipelineFailed>

/** Frames that are sent together: each send may wake a thread, which costs more than a frame. */
const sendAtOnce = 8

/**
 * @category runners
 * @since 0.1.0
 */
export const runSubtask = <E>(
  subtask: Subtask,
  receive: Receive<E>,
  sends: ReadonlyArray<ReadonlyArray<Send>>,
  now: () => number
): Effect.Effect<void, E | PipelineFailed> => {
  let pending: Fiber.Fiber<ReadonlyArray<Frame>, E> | undefined

  const send = Effect.gen(function* () {
    const from = performance.now()
    for (const [at, outlet] of subtask.outlets.entries()) {
      if (outlet.waiting === 0) continue
      outlet.waiting = 0
      for (const [target, frames] of outlet.ready.entries()) {
        if (frames.length > 0) yield* sends[at][target](frames.splice(0))
      }
    }
    subtask.blockedMillis += performance.now() - from
  })

  /** What comes until `due`, if something does; a wait that it cuts short goes on with the next. */
  const receiveUntil = (due: number) =>
    Effect.gen(function* () {
      const fiber: Fiber.Fiber<ReadonlyArray<Frame>, E> = pending ?? (yield* Effect.forkChild(receive))
      pending = fiber
      yield* Effect.raceFirst(Fiber.await(fiber), Effect.sleep(Math.max(0, due - now())))
      if (fiber.pollUnsafe() === undefined) return []
      pending = undefined
      return yield* Fiber.join(fiber)
    })

  const loop = Effect.gen(function* () {
    while (!subtask.done) {
      const { due } = subtask
      const frames = due === Infinity && pending === undefined ? yield* receive : yield* receiveUntil(due)
      for (const frame of frames) {
        const work = subtask.accept(frame)
        if (work !== undefined) {
          // It may take its time: what is ready does not wait for it.
          subtask.flush()
          if (subtask.waiting > 0) yield* send
          yield* work
        }
        if (subtask.waiting >= sendAtOnce) yield* send
      }
      const time = now()
      if (subtask.due <= time) {
        const work = subtask.clock(time)
        if (work !== undefined) yield* work
      }
      subtask.flush()
      if (subtask.waiting > 0) yield* send
    }
  })
  return Effect.catchDefect(loop, (defect) => Effect.fail(toFailed(nameOf(subtask.chain))(defect)))
}
