/**
 * The suite of pipelines: what the way of an element through three stages and a keyed edge costs.
 *
 * @since 0.1.0
 */
import type { Subject, Suite } from "./harness/Suite.ts"
import type { Args } from "./pipeline/sharedNothing.ts"

const module = (file: string): URL => new URL(`./pipeline/${file}.ts`, import.meta.url)

const sharedNothing = (name: string, args: Partial<Args> = {}): Subject => ({
  name,
  module: module("sharedNothing"),
  args: { parallelism: 1, disjoint: true, where: "threads", supervised: false, ...args }
})

/**
 * @category suites
 * @since 0.1.0
 */
export const suite: Suite = {
  name: "pipeline",
  scenarios: [
    {
      name: "pipeline:three-stages",
      about:
        "`{ id: Int, key: String, value: Number }` from a generator through a map, a keyed edge, a keyed process and a filter; thread start not counted.",
      fields: ["nsBeyondHandlers", "nsPerElement", "nsOfHandlers", "elementsPerSecond"],
      subjects: [
        sharedNothing("1 subtask a side: 2 threads"),
        sharedNothing("2 subtasks a side: 4 threads", { parallelism: 2 }),
        sharedNothing("2 subtasks a side, sharing 2 threads", { parallelism: 2, disjoint: false }),
        sharedNothing("2 threads, restarts and snapshots", { supervised: true }),
        sharedNothing("fused into 1 thread", { disjoint: false }),
        sharedNothing("fibers of one thread", { where: "fibers" }),
        { name: "Effect Stream, one thread", module: module("effectStream") }
      ]
    }
  ]
}
