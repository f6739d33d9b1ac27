import { describe, it } from "@effect/vitest"
import * as NodeProcesses from "@shared-nothing/platform/NodeProcesses"
import * as WorkersLaws from "@shared-nothing/core/WorkersLaws"
import { entries } from "../workers/fixtures/entries.ts"

describe("workers in processes", () => {
  const laws = WorkersLaws.all({ isolation: "process", backend: NodeProcesses.layer(...entries), messages: 100 })
  for (const law of laws) it.live(law.name, () => law.run)
})
