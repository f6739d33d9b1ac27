/**
 * Rival in hot latency: ringbuf.js, both ends spinning. It has no way to sleep.
 *
 * @since 0.1.0
 */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads"
import { RingBuffer } from "ringbuf.js"
import type { Outcome, RunSubject } from "../harness/Suite.ts"
import { type EchoArgs, RoundTrips } from "./RoundTrips.ts"

interface Rings {
  readonly there: SharedArrayBuffer
  readonly back: SharedArrayBuffer
}

const attach = (memory: SharedArrayBuffer) => new RingBuffer(memory, Float64Array)

/**
 * @category running
 * @since 0.1.0
 */
export const run: RunSubject<EchoArgs> = async (args, load): Promise<Outcome> => {
  const rings: Rings = {
    there: RingBuffer.getStorageForCapacity(1024, Float64Array),
    back: RingBuffer.getStorageForCapacity(1024, Float64Array)
  }
  const worker = new Worker(new URL(import.meta.url), { workerData: rings })
  await new Promise((resolve) => worker.once("message", resolve))
  const [there, back] = [attach(rings.there), attach(rings.back)]
  const value = new Float64Array(1)
  const trips = new RoundTrips(args, load)
  while (!trips.over) {
    value[0] = trips.leave()
    there.push(value)
    while (back.pop(value) === 0);
    trips.back(value[0])
  }
  await worker.terminate()
  return trips.outcome()
}

if (!isMainThread) {
  const rings = workerData as Rings
  const [there, back] = [attach(rings.there), attach(rings.back)]
  const value = new Float64Array(1)
  parentPort!.postMessage("ready")
  for (;;) {
    while (there.pop(value) === 0);
    back.push(value)
  }
}
