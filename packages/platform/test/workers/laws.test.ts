import { describe, it } from "@effect/vitest"
import * as NodeWorkers from "@shared-nothing/platform/NodeWorkers"
import * as WorkersLaws from "@shared-nothing/core/WorkersLaws"
import { entries } from "./fixtures/entries.ts"

describe("workers in threads", () => {
  const laws = WorkersLaws.all({ isolation: "thread", backend: NodeWorkers.layerThreads(...entries), messages: 200 })
  for (const law of laws) it.live(law.name, () => law.run)
})
