/**
 * The suite of the flights: the whole job as a pipeline on threads, and the plain loop in one thread.
 *
 * @since 0.1.0
 */
import type { FlightArgs } from "./flights/job.ts"
import type { Scenario, Subject, Suite } from "./harness/Suite.ts"

const subject = (name: string, file: string, args: FlightArgs): Subject => ({
  name,
  module: new URL(`./flights/${file}.ts`, import.meta.url),
  args: { ...args }
})

const scenario = (name: string, about: string, passes: number): Scenario => ({
  name,
  about,
  fields: ["ms", "rowsPerSecond", "peakRssMiB"],
  subjects: [
    subject("shared-nothing 2 workers", "sharedNothing", { workers: 2, passes }),
    subject("shared-nothing 1 worker", "sharedNothing", { workers: 1, passes }),
    subject("one thread", "oneThread", { workers: 1, passes })
  ]
})

/**
 * @category suites
 * @since 0.1.0
 */
export const suite: Suite = {
  name: "flights",
  scenarios: [
    scenario(
      "flights",
      "3,000,000 flights read from parquet and grouped by day and origin, start of the threads included.",
      1
    ),
    scenario("flights:long", "The same file read 20 times, one after the other: 60,000,000 flights.", 20)
  ]
}
