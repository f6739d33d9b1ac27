/**
 * The job in one thread and the plainest way: the reader, then a loop over maps. It shares no code
 * with the workers, so it can be what their results are compared with, and the rival in the bench.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { FlightColumns } from "./input/Columns.ts"
import * as Input from "./input/Input.ts"
import type { InputError } from "./InputError.ts"
import { type By, type JobOptions, type Window, windowMillis } from "./Job.ts"

export interface Group {
  flights: number
  delayed: number
  total: number
  max: number
}

/** By key, then by start of the window. */
export type Groups = Map<string, Map<number, Group>>

/** Adds flights to groups; for the window `all` the start is 0. */
export const add = (
  groups: Groups,
  columns: FlightColumns,
  names: ReadonlyArray<string>,
  by: By,
  window: Window
): void => {
  const size = windowMillis[window]
  for (let i = 0; i < columns.rows; i++) {
    const origin = names[columns.origins[i]]
    const destination = names[columns.destinations[i]]
    const key = by === "origin" ? origin : by === "destination" ? destination : `${origin}-${destination}`
    const start = size === 0 ? 0 : Math.floor(columns.times[i] / size) * size
    const delay = columns.delays[i]
    let ofKey = groups.get(key)
    if (ofKey === undefined) groups.set(key, (ofKey = new Map()))
    const group = ofKey.get(start)
    if (group === undefined) ofKey.set(start, { flights: 1, delayed: delay > 15 ? 1 : 0, total: delay, max: delay })
    else {
      group.flights++
      if (delay > 15) group.delayed++
      group.total += delay
      if (delay > group.max) group.max = delay
    }
  }
}

/** Reads the input and groups it, both in this thread. Bad rows are left out. */
export const runOneThread = Effect.fnUntraced(function* (
  options: JobOptions
): Effect.fn.Return<{ readonly rows: number; readonly groups: Groups }, InputError> {
  const groups: Groups = new Map()
  const rows = yield* Effect.scoped(
    Effect.gen(function* () {
      const tasks = yield* Input.plan(options.input)
      const reader = yield* Input.open(options.input, options.by)
      let rows = 0
      for (const task of Array.from({ length: options.passes ?? 1 }, () => tasks).flat()) {
        const part = yield* reader.read(task)
        add(groups, part.columns, reader.names.list, options.by, options.window)
        rows += part.rows
      }
      return rows
    })
  )
  return { rows, groups }
})
