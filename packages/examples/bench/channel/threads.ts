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

/**
 * Starts `role` of `module` in a thread and returns its report; fails if the thread does.
 *
 * @category running
 * @since 0.1.0
 */
export const startThread = <Report>(
  module: string,
  role: string,
  post: unknown,
  transferList: Array<Transferable> = []
): Promise<Report> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./thread.ts", import.meta.url), {
      workerData: { module, role, post },
      transferList
    })
    worker.once("message", resolve)
    worker.once("error", reject)
    worker.once("exit", (code) => reject(new Error(`thread "${role}" of ${module} ended with code ${code}`)))
  })

/**
 * Runs a subject's senders and receivers over the links that it makes.
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
    return startThread<ReceiverReport>(module, "receiver", post, links.transfer?.("receiver", slot))
  })
  const senders = Array.from({ length: args.senders }, (_, slot) => {
    const post: Post<SenderLink> = { ...args, load, slot, link: links.sender(slot) }
    return startThread<number>(module, "sender", post, links.transfer?.("sender", slot))
  })
  const [sent, reports] = await Promise.all([Promise.all(senders), Promise.all(receivers)])
  return conclude(sent, reports, trafficOf(args.traffic).size)
}

/**
 * When a sender stops: its threads start up meanwhile, so the receivers' warm-up has some room.
 *
 * @category running
 * @since 0.1.0
 */
export const deadline = (load: Load): number => performance.now() + load.warmUpMillis + load.measureMillis + 50
