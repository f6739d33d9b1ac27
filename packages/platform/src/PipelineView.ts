/**
 * A running pipeline in the terminal: a table of its stages that is drawn again and again, in place.
 *
 * @since 0.1.0
 */
import type { InvalidConfig } from "@shared-nothing/core/Errors"
import type { Pipeline, PipelineError, Running, StageRates } from "@shared-nothing/core/Pipeline"
import * as PipelineModule from "@shared-nothing/core/Pipeline"
import type { Input as DurationInput } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"

/**
 * Where a view is drawn, such as `process.stderr`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Screen {
  readonly write: (text: string) => unknown
  /** Whether what was drawn can be drawn over; lines follow each other otherwise. */
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  readonly rows?: number | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ViewOptions {
  /** `process.stderr` if absent. */
  readonly screen?: Screen | undefined
  /** How often it is drawn; every 500 ms if absent. */
  readonly every?: DurationInput | undefined
}

const units = ["", "k", "M", "G", "T"]

const short = (value: number): string => {
  let scaled = value
  let unit = 0
  while (scaled >= 1000 && unit < units.length - 1) {
    scaled /= 1000
    unit++
  }
  return `${unit === 0 || scaled >= 100 ? Math.round(scaled) : scaled.toFixed(1)}${units[unit]}`
}

const percent = (share: number): string => `${Math.round(share * 100)} %`

const duration = (millis: number): string =>
  millis < 1000
    ? `${Math.round(millis)} ms`
    : millis < 120_000
      ? `${(millis / 1000).toFixed(1)} s`
      : `${Math.round(millis / 60_000)} min`

const headings = ["stage", "×", "in/s", "out/s", "out", "waiting", "busy", "backpressure", "lag"]

const cells = (stage: StageRates): ReadonlyArray<string> => [
  stage.name,
  String(stage.subtasks),
  short(stage.receivedPerSecond),
  short(stage.sentPerSecond),
  short(stage.sent),
  short(stage.depth),
  percent(stage.busy),
  percent(stage.backpressure),
  duration(stage.lag)
]

/**
 * The table of one look, without colours; a line for what was skipped or is dead, if anything.
 *
 * @category formatting
 * @since 0.1.0
 */
export const render = (stages: ReadonlyArray<StageRates>, columns = 120): string => {
  const rows = [headings, ...stages.map(cells)]
  const widths = headings.map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  const others = widths.slice(1).reduce((sum, width) => sum + width + 2, 0)
  widths[0] = Math.max(8, Math.min(widths[0], columns - others))
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? fit(cell, widths[0]).padEnd(widths[0]) : cell.padStart(widths[column])))
      .join("  ")
  )
  for (const { deadLetters, name, skipped } of stages) {
    if (skipped + deadLetters > 0) lines.push(`${name}: ${skipped} skipped, ${deadLetters} dead letters`)
  }
  return lines.map((line) => fit(line, columns)).join("\n")
}

const fit = (text: string, width: number): string => (text.length > width ? `${text.slice(0, width - 1)}…` : text)

/** What there is room for: a line that has left the screen cannot be drawn over. */
const cut = (text: string, rows: number): string => {
  const lines = text.split("\n")
  return lines.length <= rows ? text : [...lines.slice(0, rows - 1), `… ${lines.length - rows + 1} more`].join("\n")
}

/**
 * Draws what a running pipeline does, until its output has ended; then, once, what it did on the whole.
 *
 * @category running
 * @since 0.1.0
 */
export const show = <A, E>(running: Running<A, E>, options: ViewOptions = {}): Effect.Effect<void, InvalidConfig> => {
  const { every = "500 millis", screen = process.stderr } = options
  let drawn = 0
  const draw = (stages: ReadonlyArray<StageRates>): void => {
    // A terminal that does not know its size says 0.
    const text = cut(
      render(stages, screen.columns || undefined),
      screen.rows === undefined ? Infinity : screen.rows - 1
    )
    // Up to the first line of what was drawn before, and everything below it cleared.
    const back = screen.isTTY === true && drawn > 0 ? `\u001b[${drawn}F\u001b[J` : ""
    drawn = text.split("\n").length
    screen.write(`${back}${text}\n${screen.isTTY === true ? "" : "\n"}`)
  }
  return Stream.runForEach(running.ratesEvery(every), (stages) => Effect.sync(() => draw(stages)))
}

/**
 * The elements of a pipeline, and its view beside them as they flow.
 *
 * @category running
 * @since 0.1.0
 */
export const watch =
  (options: ViewOptions = {}) =>
  <A, E, R, Side>(self: Pipeline<A, E, R, Side>): Stream.Stream<A, E | PipelineError, R> =>
    Stream.unwrap(
      Effect.gen(function* () {
        const running = yield* PipelineModule.run(self)
        const view = yield* Effect.forkScoped(show(running, options))
        return Stream.concat(running.output, Stream.drain(Stream.fromEffect(Fiber.join(view))))
      })
    ) as Stream.Stream<A, E | PipelineError, R>
