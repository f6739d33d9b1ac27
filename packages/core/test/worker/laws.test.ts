import { describe, it } from "@effect/vitest"
import * as WorkersLaws from "../../src/testing/laws/WorkersLaws.ts"
import * as FiberWorkers from "../../src/worker/FiberWorkers.ts"

const { Criers, Probe } = WorkersLaws

const subject: WorkersLaws.Subject = {
  isolation: "fiber",
  backend: FiberWorkers.layer(
    [Probe.Probe, Probe.probe],
    [Probe.Batcher, Probe.batcher],
    [Probe.Patient, Probe.patient],
    [Probe.Crowd, Probe.crowd],
    [Probe.Relay, Probe.relay],
    [Criers.Crier, Criers.crier],
    [Criers.Chorus, Criers.chorus],
    [Criers.Herald, Criers.herald]
  ),
  messages: 200
}

describe("workers in fibers", () => {
  for (const law of WorkersLaws.all(subject)) it.live(law.name, () => law.run)
})
