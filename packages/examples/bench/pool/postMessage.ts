/**
 * Rival: threads and `postMessage` by hand, without a pool: what the least code that does the job costs.
 * Messages are placed by a hash of their key and posted many to a worker at a time; a gate in shared
 * memory keeps at most 64 posts on their way to each (`channel/Gate.ts`). Nothing is supervised, decoded or kept.
 *
 * With `channel`, a broadcast goes through a `BroadcastChannel` instead of one port after the other.
 *
 * @since 0.1.0
 */
import { BroadcastChannel, Worker } from "node:worker_threads"
import { Gate, gateMemory } from "../channel/Gate.ts"
import { type Open, type OpenPool, type PoolArgs, subject, timer } from "./Subject.ts"
import { type Entry, inFlight, make, type Sums, Tally } from "./Tally.ts"

/** What a thread is started with. */
export interface ThreadData {
  readonly memory: SharedArrayBuffer
  readonly link: number
  readonly steps: number
  readonly channel: string
}

/** A request, a batch, or the question for what came. */
export type Post = { readonly id: number; readonly ask: Entry } | ReadonlyArray<Entry> | "report" | "thread"

/** An answer to a request, or to one of the questions. */
export type Answer = { readonly id: number; readonly answer: number } | Sums | number

/** Posts that may be on their way to a worker. */
export const window = 64

const hashOf = (key: string): number => {
  let h = 0
  for (let i = 0; i < key.length; i++) h = (Math.imul(h, 31) + key.charCodeAt(i)) | 0
  return h >>> 0
}

interface Thread {
  readonly post: (message: Post) => void
  /** Asks a question that is not a request. */
  readonly inquire: (message: "report" | "thread") => Promise<Answer>
  readonly gate: Gate
  readonly end: () => Promise<unknown>
}

const start = (data: ThreadData, settle: (id: number, answer: number) => void): Thread => {
  const worker = new Worker(new URL("./postMessage.thread.ts", import.meta.url), { workerData: data })
  let inquired: ((answer: Answer) => void) | undefined
  worker.on("message", (message: Answer) => {
    if (typeof message === "object" && "id" in message) settle(message.id, message.answer)
    else inquired?.(message)
  })
  worker.on("error", (cause) => {
    throw cause
  })
  return {
    post: (message) => worker.postMessage(message),
    inquire: (message) =>
      new Promise((resolve) => {
        inquired = resolve
        if (data.channel === "" || message === "thread") worker.postMessage(message)
      }),
    gate: new Gate(data.memory, data.link, window),
    end: () => worker.terminate()
  }
}

const open = async ({ batch, channel: byChannel, steps, workers }: ThreadArgs): Promise<OpenPool> => {
  const memory = gateMemory(workers)
  const waiting = new Map<number, (answer: number) => void>()
  const settle = (id: number, answer: number): void => {
    const resolve = waiting.get(id)
    waiting.delete(id)
    resolve?.(answer)
  }
  const name = `pool ${process.pid}`
  const channel = byChannel === true ? new BroadcastChannel(name) : undefined
  channel?.unref()
  const threads = Array.from({ length: workers }, (_, link) =>
    start({ memory, link, steps, channel: channel === undefined ? "" : name }, settle)
  )
  const meet = async () => new Set((await Promise.all(threads.map((one) => one.inquire("thread")))) as Array<number>)
  // A thread that blocks its own event loop would wait for itself while others start.
  await meet()

  const arrived = async (): Promise<Sums> => {
    const tally = new Tally()
    const reports = threads.map((one) => one.inquire("report"))
    // Nothing keeps a port and a channel in step but the channel itself.
    channel?.postMessage("report")
    for (const sums of await Promise.all(reports)) tally.merge(sums as Sums)
    return tally.report()
  }

  return {
    ask: async (until) => {
      const over = timer(until)
      const sent = new Tally()
      const answers = new Tally()
      let next = 0
      const loop = async (): Promise<void> => {
        while (!over()) {
          const id = next++
          const message = make(id)
          sent.add(id)
          const answer = new Promise<number>((resolve) => waiting.set(id, resolve))
          threads[hashOf(message.key) % workers].post({ id, ask: message })
          answers.answered(id, await answer)
        }
      }
      await Promise.all(Array.from({ length: inFlight }, loop))
      return { sent: sent.report(), arrived: answers.report() }
    },

    send: async (until) => {
      const sent = new Tally()
      const batches = threads.map((): Array<Entry> => [])
      const flush = (worker: number): void => {
        threads[worker].gate.pass()
        threads[worker].post(batches[worker])
        batches[worker] = []
      }
      const over = timer(until)
      for (let next = 0; !over(); next++) {
        const message = make(next)
        const worker = hashOf(message.key) % workers
        sent.add(next)
        if (batches[worker].push(message) === batch) flush(worker)
      }
      batches.forEach((_, worker) => flush(worker))
      return { sent: sent.report(), arrived: await arrived() }
    },

    broadcast: async (until) => {
      const sent = new Tally()
      const over = timer(until)
      for (let next = 0; !over(); next++) {
        const message = [make(next)]
        for (const { gate, post } of threads) {
          gate.pass()
          if (channel === undefined) post(message)
          sent.add(next)
        }
        channel?.postMessage(message)
      }
      return { sent: sent.report(), arrived: await arrived() }
    },

    meet,
    close: async () => {
      channel?.close()
      await Promise.all(threads.map((one) => one.end()))
    }
  }
}

interface ThreadArgs extends PoolArgs {
  readonly channel?: boolean
}

/**
 * @category running
 * @since 0.1.0
 */
export const run = subject(open satisfies Open)
