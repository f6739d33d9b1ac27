/**
 * Keeps the calling thread on one processor.
 *
 * Node.js has no way to do so; `koffi`, an optional peer dependency, calls `sched_setaffinity` in
 * the thread itself. Where that cannot be done the answer says why: a thread that is not pinned
 * works all the same.
 *
 * @since 0.1.0
 */
import { readdirSync, readFileSync } from "node:fs"
import * as Effect from "effect/Effect"

/**
 * The number of a processor, or `"spread"`: worker `i` on the `i`-th of those that this process may use.
 *
 * @category models
 * @since 0.1.0
 */
export type CpuAffinity = number | "spread"

/**
 * Where a thread was put.
 *
 * @category models
 * @since 0.1.0
 */
export type Placement =
  | {
      readonly _tag: "Pinned"
      readonly cpu: number
      /** Absent where the system does not tell. */
      readonly numaNode?: number
    }
  | {
      readonly _tag: "Degraded"
      /** Why it was left where it was, in words. */
      readonly reason: string
    }

/**
 * Pins the calling thread to these processors, one bit each; returns 0, or an error number.
 *
 * @category models
 * @since 0.1.0
 */
export type SetAffinity = (mask: Uint8Array) => number

/**
 * What pinning needs of the system.
 *
 * @category models
 * @since 0.1.0
 */
export interface System {
  readonly platform: string
  /** Rejects if there is no way to pin. */
  readonly load: () => Promise<SetAffinity>
  /** The text of a file, undefined if there is none. */
  readonly read: (path: string) => string | undefined
  /** The names in a folder, none if there is none. */
  readonly list: (path: string) => ReadonlyArray<string>
}

const orElse = <A, B>(read: () => A, otherwise: B): A | B => {
  try {
    return read()
  } catch {
    return otherwise
  }
}

/**
 * The system that this runs on.
 *
 * @category constructors
 * @since 0.1.0
 */
export const system: System = {
  platform: process.platform,
  load: async () => {
    const { default: koffi } = await import("koffi")
    // The process itself: whatever C library it runs on, its symbols are there.
    const set = koffi.load(null).func("int sched_setaffinity(int pid, size_t size, const void *mask)")
    return (mask) => (set(0, mask.length, mask) === 0 ? 0 : koffi.errno())
  },
  read: (path) => orElse(() => readFileSync(path, "utf8"), undefined),
  list: (path) => orElse(() => readdirSync(path), [])
}

/** Numbers in the kernel's list format: `0-3,8`. */
const parseList = (list: string): ReadonlyArray<number> =>
  list
    .trim()
    .split(",")
    .filter((part) => part !== "")
    .flatMap((part) => {
      const [first, last = first] = part.split("-").map(Number)
      return Array.from({ length: last - first + 1 }, (_, index) => first + index)
    })

/**
 * The processors that the calling thread may run on; none if the system does not tell.
 *
 * @category accessors
 * @since 0.1.0
 */
export const allowed = ({ read }: System = system): ReadonlyArray<number> => {
  const list = /^Cpus_allowed_list:\s*(.*)$/m.exec(read("/proc/thread-self/status") ?? "")?.[1]
  return list === undefined ? [] : parseList(list)
}

const nodes = "/sys/devices/system/node"

/**
 * The NUMA node of a processor.
 *
 * @category accessors
 * @since 0.1.0
 */
export const numaNodeOf = (cpu: number, { list, read }: System = system): number | undefined => {
  for (const name of list(nodes)) {
    const node = /^node(\d+)$/.exec(name)?.[1]
    if (node !== undefined && parseList(read(`${nodes}/${name}/cpulist`) ?? "").includes(cpu)) return Number(node)
  }
  return undefined
}

const degraded = (reason: string): Placement => ({ _tag: "Degraded", reason })

/** Bytes of the mask that the C library defines: 1024 processors. */
const maskBytes = 128

const pinUnsafe = async (affinity: CpuAffinity, index: number, on: System): Promise<Placement> => {
  if (on.platform !== "linux") return degraded(`not supported on ${on.platform}`)
  const cpus = allowed(on)
  if (cpus.length === 0) return degraded("the system does not tell which cpus are available")
  const cpu = affinity === "spread" ? cpus[index % cpus.length] : affinity
  if (!cpus.includes(cpu)) return degraded(`cpu ${cpu} is not available to this process`)
  let set: SetAffinity
  try {
    set = await on.load()
  } catch (cause) {
    const code = (cause as { readonly code?: unknown } | null)?.code
    return degraded(
      code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND"
        ? "koffi is not installed"
        : `koffi does not load: ${cause instanceof Error ? cause.message : String(cause)}`
    )
  }
  const mask = new Uint8Array(Math.max(maskBytes, (cpu >> 3) + 1))
  mask[cpu >> 3] = 1 << (cpu & 7)
  const errno = set(mask)
  if (errno !== 0) return degraded(`sched_setaffinity refused cpu ${cpu} with error ${errno}`)
  const numaNode = numaNodeOf(cpu, on)
  return { _tag: "Pinned", cpu, ...(numaNode === undefined ? {} : { numaNode }) }
}

/**
 * Pins the calling thread; `index` is its number among those to spread. Never fails.
 *
 * @category constructors
 * @since 0.1.0
 */
export const pin = (affinity: CpuAffinity, index = 0, on: System = system): Effect.Effect<Placement> =>
  Effect.promise(() => pinUnsafe(affinity, index, on))

/**
 * A placement in words, for logs.
 *
 * @category converting
 * @since 0.1.0
 */
export const format = (placement: Placement): string => {
  if (placement._tag === "Degraded") return `not pinned: ${placement.reason}`
  return `on cpu ${placement.cpu}${placement.numaNode === undefined ? "" : `, NUMA node ${placement.numaNode}`}`
}
