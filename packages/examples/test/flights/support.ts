/**
 * What the tests of the flights job share: the real flights, and comparison with the reference.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { datasetPath } from "../../src/flights/airports.ts"
import type { FlightColumns, Names } from "../../src/flights/input/Columns.ts"
import * as Input from "../../src/flights/input/Input.ts"
import type * as Reference from "../../src/flights/Reference.ts"
import type { Results } from "../../src/flights/Results.ts"

export const flightsFile = datasetPath("flights-3m.parquet")

export interface Flights {
  readonly parts: ReadonlyArray<FlightColumns>
  readonly names: Names
}

/** Every row of the real file, with both columns of airports. */
export const readFlights: Effect.Effect<Flights> = Effect.gen(function* () {
  const tasks = yield* Input.plan(flightsFile)
  const reader = yield* Input.open(flightsFile, "route")
  const parts = yield* Effect.forEach(tasks, (task) => Effect.map(reader.read(task), (part) => part.columns))
  return { parts, names: reader.names }
}).pipe(Effect.scoped, Effect.orDie)

/** Fails unless the results are those of the reference, group for group, and in order. */
export const assertEquals = (results: Results, reference: Reference.Groups, only?: number): void => {
  assert.deepStrictEqual(
    results.keys.map((key) => key.name),
    Array.from(reference.keys()).sort()
  )
  for (const { columns, from, name, to } of results.keys) {
    const expected = reference.get(name) ?? new Map<number, Reference.Group>()
    assert.strictEqual(to - from, expected.size, name)
    let before = -Infinity
    for (let i = from; i < to; i++) {
      const start = columns.windows[i]
      const group = expected.get(only === undefined ? start : 0)
      const same =
        group !== undefined &&
        start > before &&
        (only === undefined || start === only) &&
        group.flights === columns.flights[i] &&
        group.delayed === columns.delayed[i] &&
        group.total === columns.totals[i] &&
        group.max === columns.maxima[i]
      if (!same) assert.fail(`${name} in window ${start} differs: ${JSON.stringify(group)}`)
      before = start
    }
  }
}

/** Fails unless both are the same groups in the same order. */
export const assertSame = (actual: Results, expected: Results): void => {
  assert.deepStrictEqual(
    actual.keys.map(({ from, name, to }) => [name, to - from]),
    expected.keys.map(({ from, name, to }) => [name, to - from])
  )
  for (const [index, { columns, from, name, to }] of actual.keys.entries()) {
    const other = expected.keys[index]
    for (let i = from, j = other.from; i < to; i++, j++) {
      const same =
        columns.windows[i] === other.columns.windows[j] &&
        columns.flights[i] === other.columns.flights[j] &&
        columns.delayed[i] === other.columns.delayed[j] &&
        columns.totals[i] === other.columns.totals[j] &&
        columns.maxima[i] === other.columns.maxima[j]
      if (!same) assert.fail(`${name} in window ${columns.windows[i]} differs`)
    }
  }
}
