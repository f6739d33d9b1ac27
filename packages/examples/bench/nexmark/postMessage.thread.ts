/**
 * A thread of `postMessage.ts`: makes its share of the events, handles what it owns, posts the rest.
 *
 * @since 0.1.0
 */
import { setImmediate } from "node:timers/promises"
import { parentPort, workerData } from "node:worker_threads"
import { Generator } from "../../src/nexmark/Generator.ts"
import { Link, type Post, Shares } from "./links.ts"
import { plains } from "./plain/queries.ts"
import { block, type ThreadData } from "./postMessage.ts"

const { index, memory, options, ports, query, source } = workerData as ThreadData
const { key, pick, step: make } = plains[query]
const { events, workers } = options
const main = workers
const step = make?.()

/** Blocks after which it looks at what has come. */
const turn = 8

const toMain = new Link(memory, index, main)
const out = new Shares(1, index, (_, post) => {
  toMain.posted()
  parentPort!.postMessage(post)
})
const emit = (row: unknown): void => out.put(0, row)

/** How far each source has come. */
const sources = source === "main" ? 1 : workers
const reached = new Float64Array(sources).fill(-Infinity)
let told = -Infinity

const advance = (from: number, time: number): void => {
  reached[from] = time
  const all = key === undefined ? time : Math.min(...reached)
  if (all <= told) return
  told = all
  step?.until(all, emit)
  if (all === Infinity) out.end()
  else {
    out.reached = all
    if (step !== undefined) out.flush(0)
  }
}

const take = (message: unknown): void => {
  if (step === undefined) emit(message)
  else step.take(message as never, emit)
}

const listen = (from: number, link: Link) => (post: Post) => {
  link.took()
  if (source === "main" && key === undefined) {
    for (const event of post.messages) {
      const message = pick(event as never)
      if (message !== undefined) take(message)
    }
  } else for (const message of post.messages) take(message)
  advance(from, post.reached)
}

const generate = async (): Promise<void> => {
  const generator = new Generator(options)
  const links = Array.from({ length: workers }, (_, other) => new Link(memory, index, other))
  const shares = new Shares(workers, index, (target, post) => {
    if (target === index) return
    links[target].posted()
    ports[target]!.postMessage(post)
  })
  let blocks = 0
  for (let start = index * block; start < events; start += workers * block) {
    for (let position = start; position < Math.min(start + block, events); position++) {
      const event = generator.at(position)
      shares.reached = event.dateTime - 1
      const message = pick(event)
      if (message === undefined) continue
      const owner = key === undefined ? index : key(message) % workers
      if (owner === index) take(message)
      else shares.put(owner, message)
    }
    if (++blocks % turn === 0) {
      // Also so that the others' time goes on where there is little for them.
      if (key !== undefined) for (let other = 0; other < workers; other++) if (other !== index) shares.flush(other)
      advance(index, shares.reached)
      await setImmediate()
      for (const link of links) await link.room()
      await toMain.room()
    }
  }
  if (key !== undefined) shares.end()
  advance(index, Infinity)
}

if (source === "main") {
  const link = new Link(memory, main, index)
  parentPort!.on("message", (post: Post | "go") => {
    if (post !== "go") listen(0, link)(post)
  })
} else {
  for (const [other, port] of ports.entries()) port?.on("message", listen(other, new Link(memory, other, index)))
  parentPort!.once("message", () => void generate())
}
parentPort!.postMessage("ready")
