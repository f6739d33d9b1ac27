/**
 * How many workers can run at once: the processors that this process may use, and no more than its
 * containers pay for.
 *
 * `os.availableParallelism` counts the processors that the process may run on and, from libuv 1.49,
 * looks at the quota of control groups itself, not in all their layouts. Looking again costs a few
 * small reads, once.
 *
 * @since 0.1.0
 */
import { readFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import * as path from "node:path"

type Read = (path: string) => string | undefined

const readFile: Read = (file) => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return undefined
  }
}

const ratio = (quota: string | undefined, period: string | undefined): number => {
  const value = Number(quota) / Number(period)
  // "max" and -1 are no limit.
  return value > 0 ? value : Infinity
}

/** A group and all groups around it, innermost first. */
const upwards = (group: string): ReadonlyArray<string> => {
  const groups: Array<string> = []
  for (let at = path.posix.normalize(`/${group}`); at !== "/"; at = path.posix.dirname(at)) groups.push(at)
  return [...groups, "/"]
}

/**
 * Processors that the control groups of this process pay for, version 1 and 2; Infinity without a quota.
 *
 * @category accessors
 * @since 0.1.0
 */
export const quota = (read: Read = readFile): number => {
  let least = Infinity
  for (const line of (read("/proc/self/cgroup") ?? "").split("\n")) {
    const [, controllers, group] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    if (controllers === "") {
      // A quota binds everything below it.
      for (const at of upwards(group)) {
        const [limit, period] = (read(path.posix.join("/sys/fs/cgroup", at, "cpu.max")) ?? "").trim().split(" ")
        least = Math.min(least, ratio(limit, period))
      }
    } else if (controllers?.split(",").includes("cpu")) {
      for (const at of upwards(group)) {
        const folder = path.posix.join("/sys/fs/cgroup/cpu", at)
        least = Math.min(
          least,
          ratio(read(path.posix.join(folder, "cpu.cfs_quota_us")), read(path.posix.join(folder, "cpu.cfs_period_us")))
        )
      }
    }
  }
  return least
}

/**
 * How many workers can run at once on this machine, container quotas respected. At least 1.
 *
 * @category accessors
 * @since 0.1.0
 */
export const parallelism = (read: Read = readFile, processors: number = availableParallelism()): number =>
  Math.max(1, Math.min(processors, Math.ceil(quota(read))))
