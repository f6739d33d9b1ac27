/**
 * The entry of a worker thread of `threads.ts`: says when it is ready, calls one exported body
 * and posts its report.
 *
 * @since 0.1.0
 */
import { parentPort, workerData } from "node:worker_threads"
import { ready } from "./threads.ts"

const { module, post, role } = workerData as { module: string; role: string; post: unknown }
const bodies: Record<string, (post: unknown) => unknown> = await import(module)
parentPort!.postMessage(ready)
parentPort!.postMessage(await bodies[role](post))
