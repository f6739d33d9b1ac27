/**
 * The suite of the pool: requests, messages, broadcast, start, scaling over workers, and placing keys.
 *
 * @since 0.1.0
 */
import { availableParallelism } from "node:os"
import type { Scenario, Subject, Suite } from "./harness/Suite.ts"
import type { PartitionArgs } from "./pool/partition.ts"
import type { PoolArgs } from "./pool/Subject.ts"

const module = (file: string): URL => new URL(`./pool/${file}.ts`, import.meta.url)

const workers = 2

type Mode = PoolArgs["mode"]

const subject = (
  name: string,
  file: string,
  mode: Mode,
  args: Partial<PoolArgs> & { readonly channel?: boolean } = {}
): Subject => ({ name, module: module(file), args: { mode, workers, batch: 256, steps: 0, ...args } })

const taskPools = (mode: Mode, args: Partial<PoolArgs> = {}): ReadonlyArray<Subject> =>
  ["piscina", "tinypool", "poolifier", "workerpool"].map((file) => subject(file, file, mode, args))

const effectRpc = (mode: Mode, args?: Partial<PoolArgs>): Subject =>
  subject("Effect RpcWorker", "effectRpc", mode, args)
const sharedNothing = (mode: Mode, args?: Partial<PoolArgs>): Subject =>
  subject("shared-nothing", "sharedNothing", mode, args)
const byHand = (mode: Mode, args?: Partial<PoolArgs>): Subject =>
  subject("postMessage by hand", "postMessage", mode, args)

/** Steps of `burn` that take about this many microseconds. */
const stepsOf = (micros: number): number => Math.round(micros / 0.0012)

const cores = availableParallelism()

const scaling = (micros: number): Scenario => {
  const steps = stepsOf(micros)
  const named = (one: Subject): Subject => ({ ...one, name: `${one.name} ${cores} workers` })
  // Small batches, so that none of them is long for whoever works it off alone at the end.
  const args = { steps, batch: 32, workers: cores }
  return {
    name: `pool:scaling-${micros}us`,
    about: `Messages whose handler works about ${micros} µs, by 1 to ${cores} workers on ${cores} cores.`,
    fields: ["usPerMessage", "messagesPerSecond", "efficiency"],
    subjects: [
      ...Array.from({ length: cores }, (_, i) => ({
        ...sharedNothing("scaling", { ...args, workers: i + 1 }),
        name: `shared-nothing ${i + 1} worker${i === 0 ? "" : "s"}`
      })),
      ...[...taskPools("scaling", args), effectRpc("scaling", args), byHand("scaling", args)].map(named)
    ],
    patience: 2
  }
}

const place = (name: string, by: PartitionArgs["by"]): Subject => ({ name, module: module("partition"), args: { by } })

/**
 * @category suites
 * @since 0.1.0
 */
export const suite: Suite = {
  name: "pool",
  scenarios: [
    {
      name: "pool:ask",
      about: "`{ id: Int, key: String, value: Number }` to a number and back, 2 workers, 1024 on their way.",
      fields: ["nsPerRequest", "requestsPerSecond"],
      subjects: [sharedNothing("ask"), ...taskPools("ask"), effectRpc("ask"), byHand("ask")]
    },
    {
      name: "pool:send",
      about: "The same records to 2 workers, 256 at a time, none answered.",
      fields: ["nsPerMessage", "messagesPerSecond"],
      subjects: [sharedNothing("send"), ...taskPools("send"), effectRpc("send"), byHand("send")]
    },
    {
      name: "pool:broadcast",
      about: "The same records, one at a time, each to both of 2 workers.",
      fields: ["nsPerMessage", "messagesPerSecond"],
      subjects: [
        sharedNothing("broadcast"),
        byHand("broadcast"),
        subject("BroadcastChannel", "postMessage", "broadcast", { channel: true })
      ]
    },
    {
      name: "pool:spawn",
      about: "From nothing until each of 2 workers has answered, and the processor time that each took.",
      fields: ["msUntilReady", "cpuMsPerThread"],
      subjects: [sharedNothing("spawn"), ...taskPools("spawn"), effectRpc("spawn"), byHand("spawn")]
    },
    scaling(20),
    scaling(100),
    {
      name: "partition",
      about: "Placing keys of 8 to 16 characters among 8 workers, in the sender's thread.",
      fields: ["nsPerKey", "keysPerSecond"],
      subjects: [place("hash", "hash"), place("consistentHash", "consistentHash"), place("Effect HashRing", "HashRing")]
    }
  ]
}
