/**
 * The suite of supervision: what it costs while nothing fails, and how long a failure lasts.
 *
 * @since 0.1.0
 */
import type { Subject, Suite } from "./harness/Suite.ts"

const module = (file: string): URL => new URL(`./supervision/${file}.ts`, import.meta.url)

const policies = ["none", "restart", "everything"] as const

const traffic = (mode: "ask" | "send"): ReadonlyArray<Subject> =>
  policies.map((policy) => ({
    name: policy === "none" ? "not supervised" : policy === "restart" ? "restart" : "restart, retry, deadline, circuit",
    module: module("traffic"),
    args: { policy, mode, workers: 2, batch: 256, steps: 0 }
  }))

const recovery = (name: string, args: { readonly spares: number; readonly failover: boolean }): Subject => ({
  name,
  module: module("recovery"),
  args
})

/**
 * @category suites
 * @since 0.1.0
 */
export const suite: Suite = {
  name: "supervision",
  scenarios: [
    {
      name: "supervision:send",
      about: "`{ id: Int, key: String, value: Number }` to 2 workers, 256 at a time, none answered, nothing failing.",
      fields: ["nsPerMessage", "messagesPerSecond", "timesUnsupervised"],
      subjects: traffic("send"),
      patience: 2
    },
    {
      name: "supervision:ask",
      about: "The same records to a number and back, 2 workers, 1024 on their way, nothing failing.",
      fields: ["nsPerRequest", "requestsPerSecond", "timesUnsupervised"],
      subjects: traffic("ask"),
      patience: 2
    },
    {
      name: "supervision:recovery",
      about: "One of 2 workers is terminated every 500 ms under traffic: until its keys are handled again.",
      fields: ["msP50", "msP99", "throughputKept"],
      subjects: [
        recovery("restart", { spares: 0, failover: false }),
        recovery("restart with a spare", { spares: 1, failover: false }),
        recovery("failover", { spares: 0, failover: true })
      ],
      patience: 2
    }
  ]
}
