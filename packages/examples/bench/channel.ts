/**
 * The suite of the channel: throughput for small and large messages, latency, and the cost of idling.
 *
 * @since 0.1.0
 */
import type { EchoArgs } from "./channel/RoundTrips.ts"
import { compile } from "./channel/rust.ts"
import type { FlowArgs } from "./channel/threads.ts"
import type { Scenario, Subject, Suite } from "./harness/Suite.ts"

const module = (file: string): URL => new URL(`./channel/${file}.ts`, import.meta.url)

type Flow = Omit<FlowArgs, "batched">

const flow = (file: string, name: string, args: Flow, batched: boolean): Subject => ({
  name,
  module: module(file),
  args: { ...args, batched }
})

const postMessages = (args: Flow): ReadonlyArray<Subject> => [
  flow("postMessage", "postMessage", args, false),
  flow("postMessage", "postMessage, 256 at a time", args, true)
]

const ringbuf = (args: Flow): Subject => flow("ringbuf", "ringbuf.js", args, true)

const effectWorkers = (args: Flow): ReadonlyArray<Subject> => [
  flow("effectWorker", "Effect worker", args, false),
  flow("effectWorker", "Effect worker, 256 at a time", args, true)
]

const rust = (senders: number): ReadonlyArray<Subject> =>
  [
    ["Rust sync_channel(1024)", "sync_channel"],
    ["Rust hand-written lane", "lane"]
  ].map(([name, program]) => ({ name, module: module("rust"), args: { program, senders }, prepare: compile }))

const perMessage = ["nsPerMessage", "messagesPerSecond"]
const perByte = [...perMessage, "gigabytesPerSecond"]

const floats = (senders: number, receivers: number): Flow => ({ traffic: { kind: "float" }, senders, receivers })

const sharedNothing = (args: Flow, batched = true): Subject => flow("sharedNothing", "shared-nothing", args, batched)

const bytes = (label: string, size: number, moved: boolean): Scenario => {
  const args: Flow = { traffic: { kind: "bytes", size, moved }, senders: 1, receivers: 1 }
  return {
    name: `channel:bytes-${label}`,
    about: moved
      ? `Arrays of ${label.split("-")[0]} that their sender gives away, one sender to one receiver.`
      : `Arrays of ${label} that their sender keeps, one sender to one receiver.`,
    fields: perByte,
    subjects: [sharedNothing(args), ...postMessages(args), ...(moved ? [] : [ringbuf(args)]), ...effectWorkers(args)]
  }
}

const echo = (mode: EchoArgs["mode"]): ReadonlyArray<Subject> =>
  [
    ["shared-nothing", "sharedNothingEcho"],
    ["postMessage", "postMessageEcho"],
    ["ringbuf.js", "ringbufEcho"],
    ["Effect worker", "effectWorkerEcho"]
  ]
    .filter(([name]) => mode === "hot" || name !== "ringbuf.js")
    .map(([name, file]) => ({ name, module: module(file), args: { mode } }))

const percentiles = ["p50Us", "p99Us", "p999Us"]
const record: Flow = { traffic: { kind: "record" }, senders: 1, receivers: 1 }

/**
 * @category suites
 * @since 0.1.0
 */
export const suite: Suite = {
  name: "channel",
  scenarios: [
    {
      name: "channel:spsc",
      about: "64-bit floats, one sender to one receiver.",
      fields: perMessage,
      subjects: [
        sharedNothing(floats(1, 1)),
        ...postMessages(floats(1, 1)),
        ringbuf(floats(1, 1)),
        ...effectWorkers(floats(1, 1)),
        ...rust(1)
      ]
    },
    {
      name: "channel:mpsc",
      about: "64-bit floats, two senders to one receiver.",
      fields: perMessage,
      subjects: [
        sharedNothing(floats(2, 1)),
        ...postMessages(floats(2, 1)),
        ringbuf(floats(2, 1)),
        ...effectWorkers(floats(2, 1)),
        ...rust(2)
      ]
    },
    {
      name: "channel:mpmc",
      about: "64-bit floats, two senders to two receivers.",
      fields: perMessage,
      subjects: [sharedNothing(floats(2, 2)), ...postMessages(floats(2, 2)), ringbuf(floats(2, 2))]
    },
    {
      name: "channel:record",
      about: "`{ id: Int, key: String, value: Number }`, the key one of 1024, one sender to one receiver.",
      fields: perMessage,
      subjects: [sharedNothing(record), ...postMessages(record), ...effectWorkers(record)]
    },
    bytes("1KiB", 2 ** 10, false),
    bytes("64KiB", 2 ** 16, false),
    bytes("1MiB", 2 ** 20, false),
    bytes("1MiB-moved", 2 ** 20, true),
    {
      name: "channel:latency-hot",
      about: "Round trip of a float, there and back, the next leaving as soon as the last is back.",
      fields: percentiles,
      subjects: echo("hot")
    },
    {
      name: "channel:latency-parked",
      about:
        "Round trip of a float, there and back, both ends asleep before it leaves; and the same while code is still cold.",
      fields: [...percentiles, "coldP50Us"],
      subjects: echo("parked"),
      patience: 5
    },
    {
      name: "channel:idle",
      about: "Percent of a core that a process spends while two of its threads are attached and nothing is sent.",
      fields: ["corePercent"],
      subjects: echo("idle"),
      patience: 3
    },
    {
      name: "channel:effect",
      about: "64-bit floats one by one through Effect: `send` and `receive`, one operation a message.",
      fields: perMessage,
      subjects: [
        sharedNothing(floats(1, 1), false),
        flow("effectWorker", "Effect worker", floats(1, 1), false),
        { name: "Effect Queue in one thread", module: module("effectQueue"), args: floats(1, 1) }
      ]
    }
  ]
}
