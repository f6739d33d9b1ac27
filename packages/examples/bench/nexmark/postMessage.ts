/**
 * Rival: loops in `worker_threads`, 512 messages to a post, and a counter in shared memory that keeps at
 * most 16 posts on their way on each link. Threads generate their share of the events and post to each other what
 * others own; or the main thread generates all, and posts.
 *
 * The clock runs from when all threads are there until the last row has come.
 *
 * @since 0.1.0
 */
import { type MessagePort, MessageChannel, Worker } from "node:worker_threads"
import { Generator } from "../../src/nexmark/Generator.ts"
import type { QueryOptions } from "../../src/nexmark/Query.ts"
import type { QueryName } from "../../src/nexmark/queries.ts"
import type { RunSubject } from "../harness/Suite.ts"
import { type NexmarkArgs, optionsOf } from "./Args.ts"
import { Sum } from "./check.ts"
import { plains } from "./plain/queries.ts"
import { Link, linkMemory, type Post, Shares } from "./links.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface PostArgs extends NexmarkArgs {
  /** Who makes the events. */
  readonly source: "main" | "threads"
}

/** What a thread is started with. */
export interface ThreadData {
  readonly query: QueryName
  readonly options: QueryOptions
  readonly source: PostArgs["source"]
  readonly index: number
  readonly memory: SharedArrayBuffer
  /** To the other threads; its own place is empty. */
  readonly ports: ReadonlyArray<MessagePort | undefined>
}

/** Events that are made before somebody else has a turn. */
export const block = 512

/**
 * @category running
 * @since 0.1.0
 */
export const run: RunSubject<PostArgs> = async (args, load) => {
  const options = optionsOf(args, load)
  const { merge } = plains[args.query]
  const { source, workers } = args
  const memory = linkMemory(workers + 1)
  const ports = Array.from({ length: workers }, (): Array<MessagePort | undefined> => [])
  for (let a = 0; a < workers; a++) {
    for (let b = a + 1; b < workers; b++) {
      const { port1, port2 } = new MessageChannel()
      ports[a][b] = port1
      ports[b][a] = port2
    }
  }
  const threads = ports.map((own, index) => {
    const workerData: ThreadData = { query: args.query, options, source, index, memory, ports: own }
    const transferList = own.filter((port) => port !== undefined)
    const thread = new Worker(new URL("./postMessage.thread.ts", import.meta.url), { workerData, transferList })
    thread.on("error", (cause) => {
      throw cause
    })
    return thread
  })
  await Promise.all(threads.map((thread) => new Promise((resolve) => thread.once("message", resolve))))

  const sum = new Sum(args.query)
  const main = merge?.()
  const out: Array<unknown> = []
  const emit = (row: unknown): void => {
    out.push(row)
  }
  const reached = new Float64Array(workers).fill(-Infinity)
  const from = performance.now()
  const ended = new Promise<void>((resolve) => {
    for (const [index, thread] of threads.entries()) {
      const link = new Link(memory, index, workers)
      thread.on("message", (post: Post) => {
        link.took()
        if (main === undefined) sum.add(post.messages)
        else for (const message of post.messages) main.take(message as never, emit)
        reached[index] = post.reached
        const all = Math.min(...reached)
        main?.until(all, emit)
        sum.add(out.splice(0))
        if (all === Infinity) resolve()
      })
    }
  })
  for (const thread of threads) thread.postMessage("go")
  if (source === "main") await feed(options, args.query, memory, threads)
  await ended
  const ms = performance.now() - from
  await Promise.all(threads.map((thread) => thread.terminate()))
  return sum.outcome(ms, options.events)
}

/** Makes the events in the main thread and posts what the query looks at to its owners. */
const feed = async (
  options: QueryOptions,
  query: QueryName,
  memory: SharedArrayBuffer,
  threads: ReadonlyArray<Worker>
): Promise<void> => {
  const generator = new Generator(options)
  const { key, pick } = plains[query]
  const main = threads.length
  const links = threads.map((_, index) => new Link(memory, main, index))
  const shares = new Shares(threads.length, main, (target, post) => {
    links[target].posted()
    threads[target].postMessage(post)
  })
  for (let start = 0, turn = 0; start < options.events; start += block, turn++) {
    for (let position = start; position < Math.min(start + block, options.events); position++) {
      const event = generator.at(position)
      shares.reached = event.dateTime - 1
      if (key === undefined) shares.put(turn % threads.length, event)
      else {
        const message = pick(event)
        if (message !== undefined) shares.put(key(message) % threads.length, message)
      }
    }
    for (const link of links) await link.room()
  }
  shares.end()
}
