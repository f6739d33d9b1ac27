/**
 * How far a run is, and the line on the terminal that shows it.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Terminal from "effect/Terminal"
import { integer } from "./text.ts"

export class Progress {
  /** What there is to do, in the unit of the tasks' sizes. */
  total = 0
  done = 0
  rows = 0
  /** Batches waiting for each worker. */
  depths: ReadonlyArray<number> = []

  advance(size: number, rows: number): void {
    this.done += size
    this.rows += rows
  }
}

const barWidth = 24

export const lineOf = (progress: Progress, seconds: number, columns: number): string => {
  const share = progress.total === 0 ? 0 : Math.min(1, progress.done / progress.total)
  const full = Math.round(share * barWidth)
  const bar = "█".repeat(full) + "░".repeat(barWidth - full)
  const rate = seconds > 0 ? integer(progress.rows / seconds) : "0"
  const depths = progress.depths.length > 0 ? `  depth ${progress.depths.join(" ")}` : ""
  const percent = `${Math.round(share * 100)}`.padStart(3)
  return `${bar} ${percent}%  ${integer(progress.rows)} rows  ${rate} rows/s${depths}`.slice(
    0,
    Math.max(20, columns - 1)
  )
}

const eraseLine = "\r\u001b[K"

/** Shows the progress while `self` runs, if standard error is a terminal. */
export const shown =
  (progress: Progress) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Stdio.Stdio | Terminal.Terminal> =>
    Effect.gen(function* () {
      const stdio = yield* Stdio.Stdio
      if (!(yield* stdio.stderrIsTerminal)) return yield* self
      const columns = (yield* (yield* Terminal.Terminal).columns) || 80
      const print = (text: string) => Stream.make(text).pipe(Stream.run(stdio.stderr()), Effect.ignore)
      const started = yield* Clock.currentTimeMillis
      const draw = Effect.flatMap(Clock.currentTimeMillis, (now) =>
        print(eraseLine + lineOf(progress, (now - started) / 1000, columns))
      )
      return yield* self.pipe(
        Effect.raceFirst(Effect.andThen(Effect.repeat(draw, Schedule.spaced("100 millis")), Effect.never)),
        Effect.ensuring(print(eraseLine))
      )
    })
