/**
 * Subject: the same three stages as an Effect `Stream` in one thread, in arrays of the same length.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { RunSubject } from "../harness/Suite.ts"
import { add, arrivedOf, calibrate, empty, expectedOf, make, nsOfHandlers, shown, type Total } from "./handlers.ts"

const batch = 512

const once = async (count: number) => {
  const states = new Map<string, Total>()
  const starts = Array.from({ length: Math.ceil(count / batch) }, (_, i) => i * batch)
  const began = performance.now()
  const totals = await Stream.fromIterable(starts).pipe(
    Stream.flatMap((start) =>
      Stream.fromArray(Array.from({ length: Math.min(batch, count - start) }, (_, i) => make(start + i)))
    ),
    Stream.map(calibrate),
    Stream.map((reading) => {
      const next = add(states.get(reading.key) ?? empty(reading.key), reading)
      states.set(reading.key, next)
      return next
    }),
    Stream.filter(shown),
    Stream.runCollect,
    Effect.runPromise
  )
  return { millis: performance.now() - began, totals }
}

/**
 * @category running
 * @since 0.1.0
 */
export const run: RunSubject = async (_, { measureMillis, warmUpMillis }) => {
  const handlers = nsOfHandlers(Math.min(warmUpMillis, 500))
  const trial = 400_000
  const { millis } = await once(trial)
  const count = Math.max(trial, Math.round((trial * measureMillis) / millis))
  const measured = await once(count)
  const ns = (measured.millis * 1e6) / count
  return {
    metrics: { nsBeyondHandlers: ns - handlers, nsPerElement: ns, nsOfHandlers: handlers, elementsPerSecond: 1e9 / ns },
    expected: expectedOf(count),
    arrived: arrivedOf(measured.totals)
  }
}
