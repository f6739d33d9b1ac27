/**
 * Results as NDJSON: a line per key and window, keys by name, windows by time.
 *
 * @since 0.1.0
 */
import type { KeyGroups, Results } from "../Results.ts"

const linesAtOnce = 1000

/** The text in pieces of a thousand lines. */
export function* ndjson({ keys }: Results): Generator<string> {
  const starts = new Map<number, string>()
  let text = ""
  let lines = 0
  for (const key of keys) {
    const prefix = `{"key":${JSON.stringify(key.name)},"window":"`
    for (let i = key.from; i < key.to; i++) {
      text += prefix + startOf(key, i, starts) + rest(key, i)
      if (++lines % linesAtOnce === 0) {
        yield text
        text = ""
      }
    }
  }
  if (text !== "") yield text
}

const startOf = ({ columns }: KeyGroups, i: number, starts: Map<number, string>): string => {
  let start = starts.get(columns.windows[i])
  if (start === undefined) starts.set(columns.windows[i], (start = new Date(columns.windows[i]).toISOString()))
  return start
}

const rest = ({ columns }: KeyGroups, i: number): string => {
  const flights = columns.flights[i]
  const mean = columns.totals[i] / flights
  return `","flights":${flights},"delayed":${columns.delayed[i]},"meanDelay":${mean},"maxDelay":${columns.maxima[i]}}\n`
}
