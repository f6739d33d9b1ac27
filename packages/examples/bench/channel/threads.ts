/**
 * A run of traffic between worker threads, without Effect: the process's main thread starts them
 * and waits for what they report.
 *
 * A rival's module exports the bodies, `sender` and `receiver`; `thread.ts` calls them.
 *
 * @since 0.1.0
 */
import { type Transferable, Worker } from "node:worker_threads"
import type { Load, Outcome } from "../harness/Suite.ts"
import { conclude, type ReceiverReport } from "./Arrivals.ts"
import { type TrafficSpec, trafficOf } from "./traffic.ts"

/**
 * The arguments of every throughput subject.
 *
 * @category models
 * @since 0.1.0
 */
export interface FlowArgs {
  readonly traffic: TrafficSpec
  readonly senders: number
  readonly receivers: number
  /** Whether messages go one by one or in batches. */
  readonly batched: boolean
}

/**
 * What a thread is told. `Link` is what the subject needs to reach the other end.
 *
 * @category models
 * @since 0.1.0
 */
export interface Post<Link> extends FlowArgs {
  readonly load: Load
  /** Number of this thread among those of its role. */
  readonly slot: number
  readonly link: Link
}

/**
 * The bodies that a rival's module exports. A sender reports how many messages it sent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Bodies<SenderLink, ReceiverLink> {
  readonly sender: (post: Post<SenderLink>) => number | Promise<number>
  readonly receiver: (post: Post<ReceiverLink>) => ReceiverReport | Promise<ReceiverReport>
}

/** The first message of a thread, once its module is loaded; the second is its report. */
export const ready = "ready"

interface Thread<Report> {
  readonly ready: Promise<void>
  readonly report: Promise<Report>
}

/** Starts `role` of `module` in a thread. */
const start = <Report>(
  module: string,
  role: string,
  post: unknown,
  transferList: Array<Transferable> = []
): Thread<Report> => {
  const worker = new Worker(new URL("./thread.ts", import.meta.url), {
    workerData: { module, role, post },
    transferList
  })
  const failed = new Promise<never>((_, reject) => {
    worker.once("error", reject)
    worker.once("exit", (code) => reject(new Error(`thread "${role}" of ${module} ended with code ${code}`)))
  })
  const isReady = Promise.withResolvers<void>()
  const report = Promise.withResolvers<Report>()
  worker.on("message", (message: Report | typeof ready) => {
    if (message === ready) isReady.resolve()
    else report.resolve(message)
  })
  return { ready: Promise.race([isReady.promise, failed]), report: Promise.race([report.promise, failed]) }
}

/**
 * Runs a subject's senders and receivers over the links that it makes. Receivers are there before
 * the senders start.
 *
 * @category running
 * @since 0.1.0
 */
export const flow = async <SenderLink, ReceiverLink>(
  module: string,
  args: FlowArgs,
  load: Load,
  links: {
    readonly sender: (slot: number) => SenderLink
    readonly receiver: (slot: number) => ReceiverLink
    readonly transfer?: (role: "sender" | "receiver", slot: number) => Array<Transferable>
  }
): Promise<Outcome> => {
  const receivers = Array.from({ length: args.receivers }, (_, slot) => {
    const post: Post<ReceiverLink> = { ...args, load, slot, link: links.receiver(slot) }
    return start<ReceiverReport>(module, "receiver", post, links.transfer?.("receiver", slot))
  })
  await Promise.all(receivers.map((thread) => thread.ready))
  const senders = Array.from({ length: args.senders }, (_, slot) => {
    const post: Post<SenderLink> = { ...args, load, slot, link: links.sender(slot) }
    return start<number>(module, "sender", post, links.transfer?.("sender", slot))
  })
  const [sent, reports] = await Promise.all([
    Promise.all(senders.map((thread) => thread.report)),
    Promise.all(receivers.map((thread) => thread.report))
  ])
  return conclude(sent, reports, trafficOf(args.traffic).size)
}

/**
 * When a sender stops. A receiver's warm-up begins with its first message, a little later than this.
 *
 * @category running
 * @since 0.1.0
 */
export const deadline = (load: Load): number => performance.now() + load.warmUpMillis + load.measureMillis + 50
