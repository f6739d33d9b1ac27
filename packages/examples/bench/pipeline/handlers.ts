/**
 * What every subject does with an element: three handlers, so small that what is measured is the way
 * between them.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

export const Reading = Schema.Struct({ id: Schema.Int, key: Schema.String, value: Schema.Number })
export type Reading = typeof Reading.Type

export const Total = Schema.Struct({ key: Schema.String, count: Schema.Int, total: Schema.Number })
export type Total = typeof Total.Type

const keys = Array.from({ length: 1024 }, (_, i) => `station-${i}`)

/** The element of a number. */
export const make = (id: number): Reading => ({ id, key: keys[(id * 7919) & 1023], value: id % 1000 })

/** The first stage. */
export const calibrate = (reading: Reading): Reading => ({ id: reading.id, key: reading.key, value: reading.value * 2 })

/** The second stage, by key. */
export const add = (state: Total, reading: Reading): Total => {
  return { key: state.key, count: state.count + 1, total: state.total + reading.value }
}

export const empty = (key: string): Total => ({ key, count: 0, total: 0 })

/** The third stage: one in 512 of a key is shown, so that the output is not what is measured. */
export const shown = (total: Total): boolean => (total.count & 511) === 0

/** Nanoseconds an element takes in the handlers alone, one after the other in one loop. */
export const nsOfHandlers = (millis: number): number => {
  const states = new Map<string, Total>()
  let found = 0
  const round = (count: number): void => {
    for (let id = 0; id < count; id++) {
      const reading = calibrate(make(id))
      const next = add(states.get(reading.key) ?? empty(reading.key), reading)
      states.set(reading.key, next)
      if (shown(next)) found++
    }
  }
  const size = 200_000
  round(size)
  let rounds = 0
  const began = performance.now()
  while (performance.now() - began < millis) {
    round(size)
    rounds++
  }
  const ns = ((performance.now() - began) * 1e6) / (rounds * size)
  return found > 0 ? ns : NaN
}

/** What must come out of `count` elements: how many totals are shown, and their sum over all keys. */
export const expectedOf = (count: number): string => {
  const states = new Map<string, Total>()
  let found = 0
  let sum = 0
  for (let id = 0; id < count; id++) {
    const reading = calibrate(make(id))
    const next = add(states.get(reading.key) ?? empty(reading.key), reading)
    states.set(reading.key, next)
    if (!shown(next)) continue
    found++
    sum += next.count
  }
  return `${found} totals of ${sum} elements`
}

/** The same of what came out. */
export const arrivedOf = (totals: ReadonlyArray<Total>): string =>
  `${totals.length} totals of ${totals.reduce((sum, { count }) => sum + count, 0)} elements`
