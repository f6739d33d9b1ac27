/**
 * The suite of the flights: the whole job over a pool of threads, and the plain loop in one thread.
 *
 * @since 0.1.0
 */
import type { Suite } from "./harness/Suite.ts"

/**
 * @category suites
 * @since 0.1.0
 */
export const suite: Suite = {
  name: "flights",
  scenarios: [
    {
      name: "flights",
      about: "3,000,000 flights read from parquet and grouped by day and origin, start of the threads included.",
      fields: ["ms", "rowsPerSecond", "peakRssMiB"],
      subjects: [
        {
          name: "shared-nothing 2 workers",
          module: new URL("./flights/overPool.ts", import.meta.url),
          args: { workers: 2 }
        },
        { name: "one thread", module: new URL("./flights/oneThread.ts", import.meta.url) }
      ]
    }
  ]
}
