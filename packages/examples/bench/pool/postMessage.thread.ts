/**
 * The worker of `postMessage.ts`.
 *
 * @since 0.1.0
 */
import { BroadcastChannel, parentPort, threadId, workerData } from "node:worker_threads"
import { Gate } from "../channel/Gate.ts"
import { type Answer, type Post, type ThreadData, window } from "./postMessage.ts"
import { answerTo, burn, type Entry, Tally } from "./Tally.ts"

const { channel, link, memory, steps } = workerData as ThreadData
const gate = new Gate(memory, link, window)
const tally = new Tally()

const answer = (value: Answer): void => parentPort!.postMessage(value)

const take = (messages: ReadonlyArray<Entry>): void => {
  gate.took()
  for (const message of messages) {
    if (steps > 0) burn(message.id, steps)
    tally.take(message)
  }
}

parentPort!.on("message", (post: Post) => {
  if (post === "report") answer(tally.report())
  else if (post === "thread") answer(threadId)
  else if ("ask" in post) answer({ id: post.id, answer: answerTo(post.ask) })
  else take(post)
})

if (channel !== "") {
  const listener = new BroadcastChannel(channel)
  listener.onmessage = (event: unknown) => {
    const { data } = event as { readonly data: ReadonlyArray<Entry> | "report" }
    if (data === "report") answer(tally.report())
    else take(data)
  }
}
