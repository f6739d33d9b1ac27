/**
 * Rival: the query as an Effect Stream in one thread, arrays of 4096 events at a time.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Generator } from "../../src/nexmark/Generator.ts"
import type { RunSubject } from "../harness/Suite.ts"
import { type NexmarkArgs, optionsOf } from "./Args.ts"
import { Sum } from "./check.ts"
import type { Step } from "./Plain.ts"
import { plains } from "./plain/queries.ts"

/** A step over a stream: `timeOf` says how far time has come once an array was taken. */
const through =
  (make: () => Step<never, unknown>, timeOf: () => number) =>
  <E>(messages: Stream.Stream<unknown, E>): Stream.Stream<unknown, E> =>
    Stream.mapAccumArray(
      messages,
      make,
      (step, array) => {
        const out: Array<unknown> = []
        const emit = (row: unknown): void => {
          out.push(row)
        }
        for (const message of array) step.take(message as never, emit)
        step.until(timeOf(), emit)
        return [step, out]
      },
      {
        onHalt: (step) => {
          const out: Array<unknown> = []
          step.until(Infinity, (row) => out.push(row))
          return out
        }
      }
    )

/**
 * @category running
 * @since 0.1.0
 */
export const run: RunSubject<NexmarkArgs> = async (args, load) => {
  const options = optionsOf(args, load)
  const generator = new Generator(options)
  const { merge, pick, step } = plains[args.query]
  let reached = -Infinity
  const timeOf = (): number => reached - 1
  const messages = Stream.range(0, options.events - 1).pipe(
    Stream.map((position) => {
      const event = generator.at(position)
      reached = event.dateTime
      return pick(event) as unknown
    }),
    Stream.filter((message) => message !== undefined)
  )
  const owned = step === undefined ? messages : through(step, timeOf)(messages)
  const rows = merge === undefined ? owned : through(merge, timeOf)(owned)
  const sum = new Sum(args.query)
  const from = performance.now()
  await Effect.runPromise(Stream.runForEachArray(rows, (array) => Effect.sync(() => sum.add(array))))
  return sum.outcome(performance.now() - from, options.events)
}
