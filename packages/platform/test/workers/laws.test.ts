import { describe, it } from "@effect/vitest"
import * as NodeProcesses from "@shared-nothing/platform/NodeProcesses"
import * as NodeWorkers from "@shared-nothing/platform/NodeWorkers"
import * as WorkersLaws from "@shared-nothing/core/WorkersLaws"

const { Batcher, Crowd, Patient, Probe, Relay } = WorkersLaws.Probe
const { Chorus, Crier, Herald } = WorkersLaws.Criers

const entries = [Probe, Batcher, Patient, Crowd, Relay, Crier, Chorus, Herald].map(
  (contract) => [contract, new URL(`./fixtures/${contract.workerName}.worker.ts`, import.meta.url)] as const
)

describe("workers in threads", () => {
  const laws = WorkersLaws.all({ isolation: "thread", backend: NodeWorkers.layerThreads(...entries), messages: 200 })
  for (const law of laws) it.live(law.name, () => law.run)
})

describe("workers in processes", () => {
  const laws = WorkersLaws.all({ isolation: "process", backend: NodeProcesses.layer(...entries), messages: 100 })
  for (const law of laws) it.live(law.name, () => law.run)
})
