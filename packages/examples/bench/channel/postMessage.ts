/**
 * Rival: `postMessage` over a `MessageChannel` for each pair of sender and receiver, one message at
 * a time or a batch at a time. A sender takes its receivers in turn.
 *
 * @since 0.1.0
 */
import { MessageChannel, type MessagePort } from "node:worker_threads"
import type { RunSubject } from "../harness/Suite.ts"
import { Arrivals, type ReceiverReport } from "./Arrivals.ts"
import { Gate, gateMemory, windowOf } from "./Gate.ts"
import { deadline, flow, type FlowArgs, type Post } from "./threads.ts"
import { trafficOf } from "./traffic.ts"

interface Link {
  readonly ports: ReadonlyArray<MessagePort>
  /** The gate of each port. */
  readonly gates: ReadonlyArray<number>
  readonly memory: SharedArrayBuffer
}

/**
 * @category running
 * @since 0.1.0
 */
export const run: RunSubject<FlowArgs> = (args, load) => {
  const channels = Array.from({ length: args.senders * args.receivers }, () => new MessageChannel())
  const memory = gateMemory(channels.length)
  const numbers = Array.from(channels.keys())
  const ofSender = (slot: number) => numbers.filter((n) => Math.floor(n / args.receivers) === slot)
  const ofReceiver = (slot: number) => numbers.filter((n) => n % args.receivers === slot)
  const senderPorts = (slot: number) => ofSender(slot).map((n) => channels[n].port1)
  const receiverPorts = (slot: number) => ofReceiver(slot).map((n) => channels[n].port2)
  return flow<Link, Link>(import.meta.url, args, load, {
    sender: (slot) => ({ ports: senderPorts(slot), gates: ofSender(slot), memory }),
    receiver: (slot) => ({ ports: receiverPorts(slot), gates: ofReceiver(slot), memory }),
    transfer: (role, slot) => (role === "sender" ? senderPorts(slot) : receiverPorts(slot))
  })
}

/** Single messages that go to one receiver before the next has its turn. */
const turn = 256

export const sender = (post: Post<Link>): number => {
  const traffic = trafficOf(post.traffic)
  const { gates, memory, ports } = post.link
  const window = windowOf(post.batched, traffic.size, traffic.batch)
  const passes = gates.map((gate) => new Gate(memory, gate, window))
  const until = deadline(post.load)
  let index = 0
  for (let to = 0; performance.now() < until; to = (to + 1) % ports.length) {
    if (post.batched) {
      const { message, transfer } = traffic.pack(post.slot, index, traffic.batch)
      passes[to].pass()
      ports[to].postMessage(message, transfer)
      index += traffic.batch
    } else {
      for (const end = index + Math.min(turn, traffic.batch); index < end; index++) {
        const { message, transfer } = traffic.wrap(traffic.make(post.slot, index))
        passes[to].pass()
        if (transfer.length === 0) ports[to].postMessage(message)
        else ports[to].postMessage(message, transfer)
      }
    }
  }
  for (const port of ports) port.postMessage(null)
  return index
}

export const receiver = (post: Post<Link>): Promise<ReceiverReport> =>
  new Promise((resolve) => {
    const traffic = trafficOf(post.traffic)
    const { gates, memory, ports } = post.link
    const window = windowOf(post.batched, traffic.size, traffic.batch)
    const arrivals = new Arrivals(traffic, post.senders, post.receivers, post.load.warmUpMillis)
    let open = ports.length
    ports.forEach((port, from) => {
      const gate = new Gate(memory, gates[from], window)
      port.on("message", (message: unknown) => {
        if (message === null) {
          port.close()
          if (--open === 0) resolve(arrivals.report())
          return
        }
        gate.took()
        if (post.batched) {
          arrivals.batch(traffic.unpack(message))
        } else {
          arrivals.single(message)
        }
      })
    })
  })
