/**
 * Rival in latency and idling: `postMessage` between the main thread and a worker.
 *
 * @since 0.1.0
 */
import { isMainThread, parentPort, Worker } from "node:worker_threads"
import type { RunSubject } from "../harness/Suite.ts"
import { callBack, type EchoArgs, RoundTrips } from "./RoundTrips.ts"

/**
 * @category running
 * @since 0.1.0
 */
export const run: RunSubject<EchoArgs> = async (args, load) => {
  const worker = new Worker(new URL(import.meta.url))
  await new Promise((resolve) => worker.once("online", resolve))
  return callBack(
    new RoundTrips(args, load),
    (value) => worker.postMessage(value),
    (listener) => worker.on("message", listener)
  )
}

if (!isMainThread) parentPort!.on("message", (value: unknown) => parentPort!.postMessage(value))
