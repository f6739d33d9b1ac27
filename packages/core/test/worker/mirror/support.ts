/** What the tests of mirrors share: a mesh whose places are all taken, and a turn of the event loop. */
import { Mesh } from "../../../src/ring/Mesh.ts"

export const turn = () => new Promise<void>((resume) => setImmediate(resume))

export const mesh = (senders: number, laneBytes: number): Mesh => {
  const made = Mesh.make({
    senders,
    receivers: 1,
    laneBytes,
    laneMessages: 0,
    fingerprint: [1, 2],
    awaitSuccessor: true,
    id: [(Math.random() * 2 ** 32) | 0, senders]
  })
  for (let s = 0; s < senders; s++) made.reserve("sender")
  made.reserve("receiver")
  return made
}
