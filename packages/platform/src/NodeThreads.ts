/**
 * Channels between threads that a program starts itself, with `new Worker(…)`: what a thread held
 * when it ended is marked dead, so whoever waits on it learns so and a successor can attach.
 *
 * @since 0.1.0
 */
import type { Worker } from "node:worker_threads"
import { InvalidConfig } from "@shared-nothing/core/Errors"
import type { AnyHandle } from "@shared-nothing/core/Handle"
import * as SharedChannel from "@shared-nothing/core/SharedChannel"
import * as Effect from "effect/Effect"
import type { Scope } from "effect/Scope"
import { ownerOf } from "./NodeConnector.ts"

/**
 * Watches a thread until it exits or the scope closes, whichever is first. `handles` names the
 * channels that it has a half of; one handle of each is enough, of either half. Halves that the
 * thread closed itself are left alone.
 *
 * Fails if the thread has exited already: its number is gone, so nobody can tell what it held.
 *
 * @category constructors
 * @since 0.1.0
 */
export const watch = (
  worker: Worker,
  ...handles: ReadonlyArray<AnyHandle>
): Effect.Effect<void, InvalidConfig, Scope> =>
  Effect.suspend(() => {
    const { threadId } = worker
    if (threadId < 0) {
      return Effect.fail(
        new InvalidConfig({ option: "NodeThreads.watch", value: threadId, allowed: "a thread that has not exited" })
      )
    }
    // After `exit` the thread writes no more: only then may others go on where it stopped.
    const bury = () => {
      for (const handle of handles) Effect.runSync(Effect.ignore(SharedChannel.bury(handle, ownerOf(threadId))))
    }
    return Effect.acquireRelease(
      Effect.sync(() => void worker.once("exit", bury)),
      () => Effect.sync(() => void worker.off("exit", bury))
    )
  })
