import { assert, describe, it } from "@effect/vitest"
import * as Parallelism from "@shared-nothing/platform/Parallelism"

const system = (files: Record<string, string>) => (path: string) => files[path]

describe("Parallelism", () => {
  const cases: ReadonlyArray<readonly [name: string, files: Record<string, string>, quota: number]> = [
    ["no control groups", {}, Infinity],
    [
      "version 2 without a quota",
      { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "max 100000\n" },
      Infinity
    ],
    ["version 2 in a container", { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "150000 100000\n" }, 1.5],
    [
      "version 2, the outer quota being the smaller",
      {
        "/proc/self/cgroup": "0::/app.slice/worker.scope\n",
        "/sys/fs/cgroup/app.slice/worker.scope/cpu.max": "400000 100000\n",
        "/sys/fs/cgroup/app.slice/cpu.max": "300000 100000\n"
      },
      3
    ],
    [
      "version 1",
      {
        "/proc/self/cgroup": "4:memory:/a\n3:cpu,cpuacct:/a\n",
        "/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "250000\n",
        "/sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000\n"
      },
      2.5
    ],
    [
      "version 1 without a quota",
      {
        "/proc/self/cgroup": "3:cpu,cpuacct:/\n",
        "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
        "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"
      },
      Infinity
    ]
  ]
  for (const [name, files, quota] of cases) {
    it(`reads ${name}`, () => assert.strictEqual(Parallelism.quota(system(files)), quota))
  }

  it("is the smaller of processors and quota, rounded up, and at least 1", () => {
    const limited = (quota: string) =>
      system({ "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": `${quota} 100000` })
    assert.strictEqual(Parallelism.parallelism(limited("250000"), 8), 3)
    assert.strictEqual(Parallelism.parallelism(limited("250000"), 2), 2)
    assert.strictEqual(Parallelism.parallelism(limited("10000"), 8), 1)
    assert.isAtLeast(Parallelism.parallelism(), 1)
  })
})
