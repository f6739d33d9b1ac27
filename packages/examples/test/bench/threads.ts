/** A suite of the channel's subjects that need nothing but Node: each once, in a shape that the others do not have. */
import type { FlowArgs } from "../../bench/channel/threads.ts"
import type { Subject, Suite } from "../../bench/harness/Suite.ts"

const subject = (file: string, name: string, args: Readonly<Record<string, unknown>>): Subject => ({
  name: `${file}, ${name}`,
  module: new URL(`../../bench/channel/${file}.ts`, import.meta.url),
  args
})

const flow = (
  file: string,
  kind: FlowArgs["traffic"]["kind"],
  senders: number,
  receivers: number,
  batched: boolean,
  moved = false
): Subject =>
  subject(file, `${kind} ${senders} to ${receivers}${batched ? " batched" : ""}${moved ? " moved" : ""}`, {
    traffic: { kind, size: 4096, moved },
    senders,
    receivers,
    batched
  })

export const suite: Suite = {
  name: "threads",
  scenarios: [
    {
      name: "threads:flow",
      about: "Traffic.",
      fields: ["nsPerMessage"],
      subjects: [
        flow("postMessage", "float", 2, 2, true),
        flow("postMessage", "bytes", 1, 1, false, true),
        flow("ringbuf", "float", 2, 1, true),
        flow("ringbuf", "bytes", 1, 1, true),
        flow("effectWorker", "record", 1, 1, true),
        flow("effectWorker", "float", 2, 1, false),
        flow("sharedNothing", "float", 2, 2, true),
        flow("sharedNothing", "record", 2, 1, true),
        flow("sharedNothing", "bytes", 1, 1, true, true),
        flow("sharedNothing", "float", 1, 1, false)
      ]
    },
    {
      name: "threads:echo",
      about: "Round trips.",
      fields: ["p50Us"],
      subjects: [
        subject("postMessageEcho", "hot", { mode: "hot" }),
        subject("effectWorkerEcho", "parked", { mode: "parked" }),
        subject("sharedNothingEcho", "parked", { mode: "parked" })
      ]
    }
  ]
}
