/** A subject that hands messages over without any channel, and loses, doubles or breaks what it is told to. */
import { Arrivals, conclude } from "../../../bench/channel/Arrivals.ts"
import { deadline } from "../../../bench/channel/threads.ts"
import { trafficOf } from "../../../bench/channel/traffic.ts"
import type { RunSubject } from "../../../bench/harness/Suite.ts"

export interface LoopArgs {
  /** Number of the message that does not arrive. */
  readonly lose?: number
  readonly fail?: string
  readonly die?: number
  readonly agreement?: string
}

export const run: RunSubject<LoopArgs> = async (args, load) => {
  if (args.fail !== undefined) throw new Error(args.fail)
  if (args.die !== undefined) process.exit(args.die)
  const traffic = trafficOf({ kind: "float" })
  const arrivals = new Arrivals(traffic, 1, 1, load.warmUpMillis)
  const until = deadline(load)
  let index = 0
  while (performance.now() < until) {
    for (const end = index + 4096; index < end; index++) {
      if (index !== args.lose) arrivals.single(traffic.make(0, index))
    }
  }
  const outcome = conclude([index], [arrivals.report()])
  return args.agreement === undefined ? outcome : { ...outcome, agreement: args.agreement }
}
