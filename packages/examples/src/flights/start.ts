/**
 * Runs the command line on threads, as the main program of the process.
 *
 * @since 0.1.0
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import { main } from "./cli.ts"
import { threads } from "./run/threads.ts"

// Whoever prints is told as well, and decides what a closed pipe or a full disk means.
process.stdout.on("error", () => {})

main(threads).pipe(
  // Left to end by itself: an exit would cut off results that a slow reader has yet to take.
  Effect.catchTag("RowsRejected", () =>
    Effect.sync(() => {
      process.exitCode = 1
    })
  ),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
