/**
 * The command line: flags, help, and what is printed where.
 *
 * Standard output carries the results and nothing else; with `--json` even the summary goes to
 * standard error, and logs always do. A reader that closes the output early, such as `head`, has what it
 * wants: nothing more is printed, and what else the run is for is done by then.
 *
 * @since 0.1.0
 */
import { parallelism } from "@shared-nothing/platform/Parallelism"
import * as Cause from "effect/Cause"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { datasetPath } from "./airports.ts"
import * as FlightDelays from "./FlightDelays.ts"
import { orInputError, RowsRejected } from "./InputError.ts"
import { keys, windows } from "./Job.ts"
import { ndjson } from "./report/ndjson.ts"
import { Progress, shown } from "./report/Progress.ts"
import { rejectedLine, summary } from "./report/summary.ts"
import { table } from "./report/table.ts"
import { rank } from "./Results.ts"
import type { Runner } from "./run/Runner.ts"

/** No count is greater. */
const most = 256

const count = (name: string): Flag.Flag<number> =>
  Flag.Int(name).pipe(
    Flag.withMetavar("N"),
    Flag.filter(
      (value) => value >= 1 && value <= most,
      () => `a whole number from 1 to ${most}`
    )
  )

const flags = {
  input: Flag.String("input").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription(
      "Parquet or CSV with the columns date, delay (minutes), origin, destination; others are not read. " +
        "Default: the 3,000,000 flights that come with vega-datasets"
    ),
    Flag.optional
  ),
  by: Flag.Literals("by", keys).pipe(
    Flag.withDescription("What flights are grouped by (default: origin)"),
    Flag.withDefault("origin")
  ),
  window: Flag.Literals("window", windows).pipe(
    Flag.withDescription(
      "Size of the tumbling windows over scheduled departure, aligned to 1970-01-01 00:00 UTC, so that those of 7d " +
        "start on Thursdays; all is one window named by the first row's day (default: 1d)"
    ),
    Flag.withDefault("1d")
  ),
  workers: count("workers").pipe(
    Flag.withDescription(
      "Threads; each reads parts of the file and aggregates its keys (default: what the machine runs at once)"
    ),
    Flag.withDefault(Effect.sync(() => Math.min(most, parallelism())))
  ),
  top: count("top").pipe(Flag.withDescription("Rows of the table (default: 10)"), Flag.withDefault(10)),
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("Print one JSON object a line for every key and window, instead of the table"),
    Flag.withDefault(false)
  ),
  html: Flag.String("html").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("Also write a page with charts; it needs no network"),
    Flag.optional
  )
}

const print = Effect.fnUntraced(function* (to: "stdout" | "stderr", text: Iterable<string>) {
  const stdio = yield* Stdio.Stdio
  yield* Stream.fromIterable(text, { chunkSize: 1 }).pipe(Stream.run(stdio[to]()))
})

const isClosed = ({ reason: { cause } }: PlatformError): boolean =>
  cause instanceof Error && "code" in cause && (cause.code === "EPIPE" || cause.code === "ERR_STREAM_DESTROYED")

/** The command, over the given way to run the job. */
export const command = (runner: Runner) =>
  Command.make(
    "flights",
    flags,
    Effect.fnUntraced(function* ({ by, html, input, json, top, window, workers }) {
      const options = { input: Option.getOrElse(input, () => datasetPath("flights-3m.parquet")), by, window, workers }
      const progress = new Progress()
      const report = yield* FlightDelays.run(options, runner, progress).pipe(shown(progress))
      const rejected = rejectedLine(options.input, report.rejected)
      if (rejected !== "") yield* print("stderr", [rejected])
      const ranking = rank(report.results, top)
      if (Option.isSome(html)) {
        const { page } = yield* Effect.promise(() => import("./report/html/page.ts"))
        const text = yield* page({ report, ranking, options })
        const fs = yield* FileSystem.FileSystem
        yield* fs.writeFileString(html.value, text).pipe(orInputError(html.value))
      }
      yield* print("stdout", json ? ndjson(report.results) : [table(ranking, by, window, report.airports), "\n"]).pipe(
        Effect.andThen(print(json ? "stderr" : "stdout", [summary(report)])),
        Effect.catchIf(isClosed, () => Effect.void),
        orInputError("standard output")
      )
      if (rejected !== "") return yield* new RowsRejected({ count: report.rejected.count() })
    }, Effect.scoped)
  ).pipe(
    Command.withDescription(
      "Delays of flights by airport or route and window of time, computed by workers that share nothing. " +
        "Rows that cannot be used are kept in FILE.rejected.ndjson: the results are those of all others, and the " +
        "exit code is 1, as for a file that cannot be used"
    ),
    Command.withExamples([
      { command: "npm start", description: "The ten worst airports of departure" },
      { command: "npm start -- --by route --top 20", description: "The twenty worst routes" },
      {
        command: "npm start --silent -- --json --by destination --window 1h | sort",
        description: "Every airport and hour as NDJSON"
      },
      { command: "npm start -- --html delays.html", description: "The same with charts" }
    ])
  )

const fail = (line: string): Effect.Effect<void> => Console.error(`flights: ${line.replaceAll(/\s+/g, " ").trim()}`)

/** A mistake is one line on standard error; help is for those who ask for it. */
const presenter: CliOutput.Presenter = {
  present: (event) =>
    event._tag === "InvalidInvocation"
      ? fail(`${event.errors.map((error) => error.message).join("; ")} (--help lists the options)`)
      : CliOutput.defaultPresenter.present(event)
}

/** Runs the command on the arguments of the process. A failure has been printed when it comes out. */
export const main = (runner: Runner) =>
  Command.run(command(runner), { version: "0.1.0" }).pipe(
    Effect.tapError((error) => ("file" in error || error._tag === "PlatformError" ? fail(error.message) : Effect.void)),
    // A defect is our mistake, and its trace the way to it.
    Effect.tapCause((cause) => (Cause.hasDies(cause) ? Console.error(Cause.pretty(cause)) : Effect.void)),
    Effect.provide(
      Layer.mergeAll(
        CliOutput.layerPresenter(presenter),
        Layer.succeed(Logger.LogToStderr, true),
        CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version] })
      )
    )
  )
