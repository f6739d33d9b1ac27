/**
 * Round trips between the main thread and a thread that sends back what it gets, one at a time:
 * - `hot`: the next leaves as soon as the last is back
 * - `parked`: the next leaves 1 ms after the last is back, when both ends have gone to sleep. Ends that sleep run so
 *   seldom that their code takes seconds to be compiled: what counts is the second half of the run, and what
 *   the first trips took is told apart
 *
 * One clock measures both ways, so halve the figures for one way. The third mode, `idle`, lets the
 * channel lie after one round trip and looks at what the process spends.
 *
 * @since 0.1.0
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { Load, Outcome } from "../harness/Suite.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface EchoArgs {
  readonly mode: "hot" | "parked" | "idle"
}

const gapMillis = 1
/** Trips of which `coldP50Us` tells: the first after the warm-up. */
const coldTrips = 200
const mostSamples = 2 ** 22

/**
 * @category models
 * @since 0.1.0
 */
export class RoundTrips {
  private readonly load: Load
  private readonly mode: EchoArgs["mode"]
  private readonly micros = new Float64Array(mostSamples)
  private readonly begin = performance.now()
  private samples = 0
  private trips = 0
  private faults = 0
  private left = 0

  constructor(args: EchoArgs, load: Load) {
    this.mode = args.mode
    this.load = load
  }

  /** The next number to send. Its clock runs from here. */
  leave(): number {
    this.left = performance.now()
    return this.trips
  }

  /** The number came back. */
  back(value: unknown): void {
    const now = performance.now()
    if (value !== this.trips) this.faults += 1
    this.trips += 1
    if (now - this.begin < this.load.warmUpMillis || this.samples === mostSamples) return
    this.micros[this.samples++] = (now - this.left) * 1000
  }

  /** Whether it was enough. */
  get over(): boolean {
    return this.mode === "idle"
      ? this.trips > 0
      : performance.now() - this.begin >= this.load.warmUpMillis + this.load.measureMillis
  }

  /** Undefined, or a promise to wait for before the next leaves. */
  pause(): Promise<void> | undefined {
    return this.mode === "parked" ? sleep(gapMillis) : undefined
  }

  /** Called when it is over, while both ends are still attached. */
  async outcome(): Promise<Outcome> {
    return {
      metrics: this.mode === "idle" ? await idle(this.load) : this.percentiles(),
      expected: `${this.trips} numbers`,
      arrived: `${this.trips - this.faults} numbers`
    }
  }

  private percentiles(): Readonly<Record<string, number>> {
    const { micros, samples } = this
    if (this.mode === "hot") return percentiles(micros.subarray(0, samples))
    const cold = percentiles(micros.slice(0, coldTrips))
    return { ...percentiles(micros.subarray(samples >> 1, samples)), coldP50Us: cold.p50Us }
  }
}

const percentiles = (micros: Float64Array): Record<"p50Us" | "p99Us" | "p999Us", number> => {
  const sorted = micros.sort()
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
  return { p50Us: at(0.5), p99Us: at(0.99), p999Us: at(0.999) }
}

/** Percent of a core that this process spends while nothing happens. */
const idle = async (load: Load): Promise<{ readonly corePercent: number }> => {
  await sleep(load.warmUpMillis)
  const cpu = process.cpuUsage()
  const from = performance.now()
  await sleep(load.measureMillis)
  const { system, user } = process.cpuUsage(cpu)
  return { corePercent: (user + system) / (performance.now() - from) / 10 }
}

/**
 * Round trips over something that calls back.
 *
 * @category running
 * @since 0.1.0
 */
export const callBack = (
  trips: RoundTrips,
  send: (value: number) => void,
  onBack: (listener: (value: unknown) => void) => void
): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    onBack((value) => {
      trips.back(value)
      if (trips.over) return void trips.outcome().then(resolve, reject)
      const pause = trips.pause()
      if (pause === undefined) send(trips.leave())
      else void pause.then(() => send(trips.leave()))
    })
    send(trips.leave())
  })
