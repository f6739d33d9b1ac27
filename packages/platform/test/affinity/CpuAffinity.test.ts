import { Worker as Thread } from "node:worker_threads"
import { assert, describe, it } from "@effect/vitest"
import * as WorkerPool from "@shared-nothing/core/WorkerPool"
import * as CpuAffinity from "@shared-nothing/platform/CpuAffinity"
import * as NodeProcesses from "@shared-nothing/platform/NodeProcesses"
import * as Effect from "effect/Effect"
import { Ledger } from "../process/Ledger.ts"

const files: Record<string, string> = {
  "/proc/thread-self/status": "Name:\tnode\nCpus_allowed_list:\t2-3,8\n",
  "/sys/devices/system/node/node0/cpulist": "0-3\n",
  "/sys/devices/system/node/node1/cpulist": "4-7,8\n"
}
const masks: Array<Uint8Array> = []
const fake: CpuAffinity.System = {
  platform: "linux",
  load: async () => (mask) => {
    masks.push(mask)
    return 0
  },
  read: (path) => files[path],
  list: () => ["has_cpu", "node0", "node1"]
}
const pin = (affinity: CpuAffinity.CpuAffinity, index: number, system: Partial<CpuAffinity.System> = {}) =>
  CpuAffinity.pin(affinity, index, { ...fake, ...system })

describe("CpuAffinity", () => {
  it.effect("spreads over the processors that are allowed, and tells the NUMA node", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* pin("spread", 0), { _tag: "Pinned", cpu: 2, numaNode: 0 })
      assert.deepStrictEqual(yield* pin("spread", 2), { _tag: "Pinned", cpu: 8, numaNode: 1 })
      assert.deepStrictEqual(yield* pin("spread", 4), { _tag: "Pinned", cpu: 3, numaNode: 0 })
      const [first, second] = masks
      assert.deepStrictEqual([first.length, first[0], first[1]], [128, 4, 0])
      assert.deepStrictEqual([second[0], second[1]], [0, 1])
    })
  )

  it.effect("leaves the NUMA node out where the system tells none", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* pin(3, 0, { list: () => [] }), { _tag: "Pinned", cpu: 3 })
    })
  )

  it.effect("says why it could not pin", () =>
    Effect.gen(function* () {
      const missing = Object.assign(new Error("Cannot find package 'koffi'"), { code: "ERR_MODULE_NOT_FOUND" })
      const cases: ReadonlyArray<readonly [Effect.Effect<CpuAffinity.Placement>, string]> = [
        [pin(2, 0, { load: () => Promise.reject(missing) }), "koffi is not installed"],
        [pin(2, 0, { load: () => Promise.reject(new Error("bad ELF")) }), "koffi does not load: bad ELF"],
        [pin(2, 0, { platform: "darwin" }), "not supported on darwin"],
        [pin(7, 0), "cpu 7 is not available to this process"],
        [pin(2, 0, { read: () => undefined }), "the system does not tell which cpus are available"],
        [pin(2, 0, { load: async () => () => 22 }), "sched_setaffinity refused cpu 2 with error 22"]
      ]
      for (const [effect, reason] of cases) assert.deepStrictEqual(yield* effect, { _tag: "Degraded", reason })
    })
  )
})

const loads = await CpuAffinity.system.load().then(
  () => true,
  () => false
)
const why =
  process.platform !== "linux" ? " (skipped: not on Linux)" : loads ? "" : " (skipped: koffi is not installed)"
const cpus = CpuAffinity.allowed()

describe.skipIf(why !== "")(`CpuAffinity, on this machine${why}`, () => {
  const thread = (affinity: CpuAffinity.CpuAffinity, index: number) =>
    Effect.callback<{ readonly placement: CpuAffinity.Placement; readonly allowed: ReadonlyArray<number> }>(
      (resume) => {
        const worker = new Thread(new URL("./pinned.thread.ts", import.meta.url), { workerData: { affinity, index } })
        worker.once("message", (message) => resume(Effect.succeed(message)))
        worker.once("error", (cause) => resume(Effect.die(cause)))
      }
    )

  it.live("pins the calling thread, and no other", () =>
    Effect.gen(function* () {
      for (const [index, cpu] of cpus.entries()) {
        const spread = yield* thread("spread", index)
        assert.deepStrictEqual(spread.allowed, [cpu])
        assert.strictEqual(spread.placement._tag === "Pinned" ? spread.placement.cpu : -1, cpu)
        assert.deepStrictEqual((yield* thread(cpu, 0)).allowed, [cpu])
      }
      assert.deepStrictEqual(CpuAffinity.allowed(), cpus)
    })
  )

  it.live("leaves a thread where it is if the processor is not to be had", () =>
    Effect.gen(function* () {
      const { allowed, placement } = yield* thread(1023, 0)
      assert.deepStrictEqual(placement, { _tag: "Degraded", reason: "cpu 1023 is not available to this process" })
      assert.deepStrictEqual(allowed, cpus)
    })
  )

  it.live("spreads the workers of the process backend", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Ledger, {
        size: 2,
        initData: { log: "", init: "succeed" },
        worker: { cpuAffinity: "spread" }
      })
      const placed = yield* pool.askAll("Placed", undefined)
      assert.deepStrictEqual([...placed].sort(), [0, 1].map((i) => String(cpus[i % cpus.length])).sort())
    }).pipe(
      Effect.scoped,
      Effect.provide(NodeProcesses.layer([Ledger, new URL("../process/Ledger.worker.ts", import.meta.url)]))
    )
  )
})
