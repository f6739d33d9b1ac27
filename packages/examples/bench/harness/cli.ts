/**
 * The command line of the benchmarks.
 *
 * Standard output carries results and nothing else; machine, progress (on a terminal only), skipped
 * subjects and failures go to standard error.
 *
 * @since 0.1.0
 */
import { readdir } from "node:fs/promises"
import { parseArgs } from "node:util"
import { describeMachine } from "./machine.ts"
import { jsonLine, markdown, table } from "./report.ts"
import { type RunOptions, runScenarios } from "./runSuite.ts"
import type { Scenario, Suite } from "./Suite.ts"

const full = { runs: 5, load: { warmUpMillis: 500, measureMillis: 1000 } }
const quick = { runs: 1, load: { warmUpMillis: 100, measureMillis: 200 } }

class UsageError extends Error {}

const usage = (suites: ReadonlyArray<string>): string =>
  `usage: npm run -s bench -- <suite> [--json | --markdown] [--runs N] [--only SCENARIO[,SCENARIO]] [--quick]
suites: ${suites.join(", ")}

  --json       one JSON object a line for each scenario and subject
  --markdown   the tables of docs/benchmarks.md
  --runs N     runs of each subject, of which the median counts (${full.runs}; ${quick.runs} with --quick)
  --only       scenarios by name, with or without the suite's; channel:bytes stands for all that begin with it
  --quick      hardly any traffic: shows that everything runs, measures nothing
`

const parse = (argv: ReadonlyArray<string>) => {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        json: { type: "boolean", default: false },
        markdown: { type: "boolean", default: false },
        quick: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
        runs: { type: "string" },
        only: { type: "string" }
      }
    })
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause))
  }
}

const parseRuns = (text: string | undefined, otherwise: number): number => {
  if (text === undefined) return otherwise
  const runs = Number(text)
  if (!Number.isInteger(runs) || runs < 1) throw new UsageError(`--runs ${text}: not a whole number of at least 1`)
  return runs
}

/** The scenarios that a list of names stands for, in the suite's order. */
const select = (suite: Suite, only: string | undefined): ReadonlyArray<Scenario> => {
  if (only === undefined) return suite.scenarios
  const isName = (name: string): boolean => suite.scenarios.some((scenario) => scenario.name === name)
  const wanted = only
    .split(",")
    .map((name) => (name.startsWith(`${suite.name}:`) || isName(name) ? name : `${suite.name}:${name}`))
  const matches = (scenario: Scenario, name: string): boolean =>
    scenario.name === name || scenario.name.startsWith(`${name}-`)
  for (const name of wanted) {
    if (!suite.scenarios.some((scenario) => matches(scenario, name))) {
      const known = suite.scenarios.map((scenario) => scenario.name).join(", ")
      throw new UsageError(`no scenario "${name}"; there are ${known}`)
    }
  }
  return suite.scenarios.filter((scenario) => wanted.some((name) => matches(scenario, name)))
}

/** One line that is overwritten, on a terminal only. */
const progress = (text: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`)
}

const note = (text: string): void => {
  progress("")
  process.stderr.write(`${text}\n`)
}

const runCli = async (argv: ReadonlyArray<string>, folder: URL): Promise<number> => {
  const suites = (await readdir(folder))
    .filter((file) => file.endsWith(".ts") && file !== "main.ts")
    .map((file) => file.slice(0, -".ts".length))
    .sort()
  const { positionals, values } = parse(argv)
  if (values.help) {
    process.stdout.write(usage(suites))
    return 0
  }
  if (positionals.length !== 1) throw new UsageError(`name one suite: ${suites.join(", ")}`)
  if (!suites.includes(positionals[0])) {
    throw new UsageError(`no suite "${positionals[0]}"; there are ${suites.join(", ")}`)
  }
  if (values.json && values.markdown) throw new UsageError("--json and --markdown exclude each other")
  const { suite }: { suite: Suite } = await import(new URL(`${positionals[0]}.ts`, folder).href)
  const scenarios = select(suite, values.only)
  const defaults = values.quick ? quick : full
  const runs = parseRuns(values.runs, defaults.runs)

  const machine = describeMachine()
  const method =
    `median of ${runs} runs, each in a fresh process, subjects alternating; ` +
    `${defaults.load.warmUpMillis} ms of warm-up, then at least ${defaults.load.measureMillis} ms of traffic`
  for (const [what, value] of machine) note(`${what.padEnd(10)} ${value}`)
  note(`Method     ${method}`)
  if (values.markdown) {
    process.stdout.write(
      `${[...machine, ["Method", method]].map(([what, value]) => `- ${what}: ${value}`).join("\n")}\n\n`
    )
  }

  const print: RunOptions["onScenario"] = (results) => {
    const text = values.json
      ? results.map((result) => `${jsonLine(result)}\n`).join("")
      : `${values.markdown ? markdown(results) : table(results)}\n`
    process.stdout.write(text)
  }
  const valid = await runScenarios(scenarios, {
    runs,
    load: defaults.load,
    onProgress: progress,
    onSkip: note,
    onFailure: note,
    onScenario: print
  })
  return valid ? 0 : 1
}

/**
 * Runs the benchmark that `argv` names, of the suites in `folder`, and sets the exit code: 1 for a
 * mistake in `argv` or a run that was not valid.
 *
 * @category running
 * @since 0.1.0
 */
export const bench = async (argv: ReadonlyArray<string>, folder: URL): Promise<void> => {
  process.stdout.on("error", (cause: NodeJS.ErrnoException) => {
    process.exit(cause.code === "EPIPE" ? 0 : 1)
  })
  // Exits of our own, so that the temporary folder goes.
  process.once("SIGINT", () => process.exit(130))
  process.once("SIGTERM", () => process.exit(143))
  try {
    process.exitCode = await runCli(argv, folder)
  } catch (cause) {
    if (!(cause instanceof UsageError)) throw cause
    note(`bench: ${cause.message}`)
    process.exitCode = 1
  }
}
