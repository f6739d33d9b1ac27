/**
 * How a subject of the pool benchmark is run: it opens a pool of its own kind, and offers what that
 * pool can do; the scenarios are the same for all.
 *
 * @since 0.1.0
 */
import type { Load, Outcome, RunSubject } from "../harness/Suite.ts"
import { outcomeOf, type Phase } from "./Tally.ts"

/**
 * - `ask`: requests, 1024 on their way at a time
 * - `send`: messages as fast as they are taken
 * - `broadcast`: every message to every worker
 * - `spawn`: from nothing until every worker has answered
 * - `scaling`: as `send`, with workers that work `steps` for each message; against one worker alone
 *
 * @category models
 * @since 0.1.0
 */
export interface PoolArgs {
  readonly mode: "ask" | "send" | "broadcast" | "spawn" | "scaling"
  readonly workers: number
  /** Messages of a batch, in all subjects that batch. */
  readonly batch: number
  /** What a worker does for each message: `burn`. */
  readonly steps: number
}

/** Sends until a time of `performance.now()`, and settles when all of it was handled. */
export type Drive = (until: number) => Promise<Phase>

/**
 * @category models
 * @since 0.1.0
 */
export interface OpenPool {
  readonly ask: Drive
  readonly send: Drive
  readonly broadcast?: Drive
  /** Settles with the ids of the threads once each of them has answered. */
  readonly meet: () => Promise<ReadonlySet<number>>
  readonly close: () => Promise<unknown>
}

/**
 * @category models
 * @since 0.1.0
 */
export type Open = (args: PoolArgs) => Promise<OpenPool>

interface Measured {
  readonly nsPerMessage: number
  readonly phases: ReadonlyArray<Phase>
}

const measure = async (drive: Drive, load: Load): Promise<Measured> => {
  const warm = await drive(performance.now() + load.warmUpMillis)
  const from = performance.now()
  const measured = await drive(from + load.measureMillis)
  const millis = performance.now() - from
  return { nsPerMessage: (millis * 1e6) / measured.sent.count, phases: [warm, measured] }
}

const flow = async (open: Open, args: PoolArgs, load: Load, pick: (pool: OpenPool) => Drive): Promise<Measured> => {
  const pool = await open(args)
  const measured = await measure(pick(pool), load)
  await pool.close()
  return measured
}

const spawn = async (open: Open, args: PoolArgs): Promise<Outcome> => {
  const cpu = process.cpuUsage()
  const from = performance.now()
  const pool = await open(args)
  const threads = await pool.meet()
  const msUntilReady = performance.now() - from
  const { system, user } = process.cpuUsage(cpu)
  await pool.close()
  return {
    metrics: { msUntilReady, cpuMsPerThread: (system + user) / 1000 / args.workers },
    expected: `${args.workers} threads`,
    arrived: `${threads.size} threads`
  }
}

const scaling = async (open: Open, args: PoolArgs, load: Load): Promise<Outcome> => {
  const alone = args.workers === 1 ? undefined : await flow(open, { ...args, workers: 1 }, load, (pool) => pool.send)
  const together = await flow(open, args, load, (pool) => pool.send)
  const efficiency = alone === undefined ? 1 : alone.nsPerMessage / (args.workers * together.nsPerMessage)
  return outcomeOf([...(alone?.phases ?? []), ...together.phases], {
    usPerMessage: together.nsPerMessage / 1000,
    messagesPerSecond: 1e9 / together.nsPerMessage,
    efficiency
  })
}

const pickOf =
  (mode: "ask" | "send" | "broadcast") =>
  (pool: OpenPool): Drive => {
    const drive = pool[mode]
    if (drive === undefined) throw new Error(`it has no ${mode}`)
    return drive
  }

/**
 * The `run` of a subject that opens its pools by `open`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const subject =
  (open: Open): RunSubject<PoolArgs> =>
  async (args, load) => {
    const { mode } = args
    if (mode === "spawn") return spawn(open, args)
    if (mode === "scaling") return scaling(open, args, load)
    const { nsPerMessage, phases } = await flow(open, args, load, pickOf(mode))
    return outcomeOf(phases, metricsOf(mode, nsPerMessage))
  }

/**
 * What messages, or requests, of so many nanoseconds each are told as.
 *
 * @category statistics
 * @since 0.1.0
 */
export const metricsOf = (mode: PoolArgs["mode"], ns: number): Outcome["metrics"] =>
  mode === "ask" ? { nsPerRequest: ns, requestsPerSecond: 1e9 / ns } : { nsPerMessage: ns, messagesPerSecond: 1e9 / ns }

/**
 * Looks at the clock once in 64 calls.
 *
 * @category constructors
 * @since 0.1.0
 */
export const timer = (until: number): (() => boolean) => {
  let calls = 0
  let over = false
  return () => over || (++calls % 64 === 0 && (over = performance.now() >= until))
}
