/** Pins its thread as it is told, and says where it was put and where the kernel says it may run. */
import { parentPort, workerData } from "node:worker_threads"
import * as CpuAffinity from "@shared-nothing/platform/CpuAffinity"
import * as Effect from "effect/Effect"

const { affinity, index } = workerData as { readonly affinity: CpuAffinity.CpuAffinity; readonly index: number }
const placement = await Effect.runPromise(CpuAffinity.pin(affinity, index))
parentPort!.postMessage({ placement, allowed: CpuAffinity.allowed() })
