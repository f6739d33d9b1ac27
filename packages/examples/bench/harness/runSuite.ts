/**
 * Runs scenarios: every run of every subject in a process of its own, subjects alternating, so
 * that a slow minute of the machine hits all of them; then the median of the runs that were valid.
 *
 * A run is valid when what arrived is what was expected, when every metric is a number, and when it
 * agrees with the other runs of its scenario where subjects compute a result. A subject with an
 * invalid run has no result.
 *
 * @since 0.1.0
 */
import { fork } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Answer, Assignment } from "./child.ts"
import { type Load, type Scenario, type Subject, Unavailable } from "./Suite.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Result {
  readonly scenario: Scenario
  readonly subject: string
  /** Medians over the runs. */
  readonly metrics: Readonly<Record<string, number>>
  /** Smallest and largest value of the compared metric. */
  readonly spread: readonly [number, number]
  /** How many times the first subject's value it takes: `timesFirst`. */
  readonly timesFirst: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface RunOptions {
  readonly runs: number
  readonly load: Load
  /** Called with what the benchmark does at the moment. */
  readonly onProgress: (text: string) => void
  /** Called with each subject that was left out. */
  readonly onSkip: (text: string) => void
  /** Called with each run that failed or was invalid. */
  readonly onFailure: (text: string) => void
  /** Called with each scenario's results. */
  readonly onScenario: (results: ReadonlyArray<Result>) => void
}

/** A run that takes this many times its planned traffic, and this long besides, hangs. */
const hangFactor = 10
const hangMillis = 60_000

/**
 * The middle of some numbers; the mean of the two in the middle when their count is even.
 *
 * @category statistics
 * @since 0.1.0
 */
export const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * How many times those of the first subject some values are: the median of the ratios of each round, because what
 * slows a round down slows all of its runs.
 *
 * @category statistics
 * @since 0.1.0
 */
export const timesFirst = (values: ReadonlyArray<number>, first: ReadonlyArray<number>): number =>
  median(values.map((value, round) => value / first[round]))

/**
 * Runs the scenarios one after the other; true if every run was valid.
 *
 * @category running
 * @since 0.1.0
 */
export const runScenarios = async (scenarios: ReadonlyArray<Scenario>, options: RunOptions): Promise<boolean> => {
  const folder = mkdtempSync(join(tmpdir(), "shared-nothing-bench-"))
  const clear = (): void => rmSync(folder, { recursive: true, force: true })
  process.once("exit", clear)
  const prepared = new Map<Subject["prepare"], Readonly<Record<string, unknown>> | undefined>()
  let valid = true
  try {
    for (const scenario of scenarios) {
      const subjects: Array<Contestant> = []
      for (const subject of scenario.subjects) {
        const extra = await prepare(subject, folder, prepared, options)
        if (extra !== undefined) subjects.push({ subject, args: { ...subject.args, ...extra }, runs: [] })
      }
      valid = (await runScenario(scenario, subjects, options)) && valid
    }
  } finally {
    clear()
    process.off("exit", clear)
  }
  return valid
}

interface Contestant {
  readonly subject: Subject
  readonly args: Readonly<Record<string, unknown>>
  readonly runs: Array<Readonly<Record<string, number>>>
  failed?: boolean
}

const prepare = async (
  subject: Subject,
  folder: string,
  prepared: Map<Subject["prepare"], Readonly<Record<string, unknown>> | undefined>,
  options: RunOptions
): Promise<Readonly<Record<string, unknown>> | undefined> => {
  if (subject.prepare === undefined) return {}
  if (!prepared.has(subject.prepare)) {
    const extra = await subject.prepare(folder).catch((cause: unknown) => {
      if (!(cause instanceof Unavailable)) throw cause
      options.onSkip(`${subject.name} is left out: ${cause.message}`)
      return undefined
    })
    prepared.set(subject.prepare, extra)
  }
  return prepared.get(subject.prepare)
}

const runScenario = async (
  scenario: Scenario,
  contestants: ReadonlyArray<Contestant>,
  options: RunOptions
): Promise<boolean> => {
  const load = { ...options.load, measureMillis: options.load.measureMillis * (scenario.patience ?? 1) }
  let agreement: string | undefined
  for (let run = 1; run <= options.runs; run++) {
    for (const contestant of contestants) {
      if (contestant.failed) continue
      options.onProgress(`${scenario.name} · run ${run} of ${options.runs} · ${contestant.subject.name}`)
      const answer = await runOnce({ module: contestant.subject.module.href, args: contestant.args, load })
      const problem = "failure" in answer ? answer.failure : invalid(answer, scenario, agreement)
      if (problem !== undefined) {
        contestant.failed = true
        options.onFailure(`${scenario.name} · ${contestant.subject.name} · run ${run}: ${problem}`)
      } else if ("outcome" in answer) {
        agreement ??= answer.outcome.agreement
        contestant.runs.push({ peakRssMiB: answer.peakRssMiB, ...answer.outcome.metrics })
      }
    }
  }
  options.onProgress("")
  const valid = contestants.filter((contestant) => !contestant.failed)
  options.onScenario(valid.map((contestant) => summarize(scenario, contestant, valid[0])))
  return valid.length === contestants.length
}

const invalid = (
  answer: Extract<Answer, { outcome: unknown }>,
  scenario: Scenario,
  agreement: string | undefined
): string | undefined => {
  const { outcome } = answer
  if (outcome.arrived !== outcome.expected) return `expected ${outcome.expected}, but ${outcome.arrived} arrived`
  if (agreement !== undefined && outcome.agreement !== agreement) {
    return `its result ${outcome.agreement} is not the others' ${agreement}`
  }
  const metrics: Readonly<Record<string, number>> = { peakRssMiB: answer.peakRssMiB, ...outcome.metrics }
  const missing = scenario.fields.find((field) => !Number.isFinite(metrics[field]))
  return missing === undefined ? undefined : `it measured no ${missing} (no traffic after the warm-up)`
}

const summarize = (scenario: Scenario, contestant: Contestant, first: Contestant): Result => {
  const metrics: Record<string, number> = {}
  const of = ({ runs }: Contestant, field: string) => runs.map((run) => run[field])
  for (const field of scenario.fields) metrics[field] = median(of(contestant, field))
  const compared = of(contestant, scenario.fields[0])
  return {
    scenario,
    subject: contestant.subject.name,
    metrics,
    spread: [Math.min(...compared), Math.max(...compared)],
    timesFirst: timesFirst(compared, of(first, scenario.fields[0]))
  }
}

/** One run in a process of its own. Its standard output joins our standard error. */
const runOnce = (assignment: Assignment): Promise<Answer> =>
  new Promise((resolve) => {
    const child = fork(new URL("./child.ts", import.meta.url), {
      serialization: "json",
      stdio: ["ignore", 2, 2, "ipc"],
      execArgv: ["--disable-warning=ExperimentalWarning"]
    })
    const limit = (assignment.load.warmUpMillis + assignment.load.measureMillis) * hangFactor + hangMillis
    const timer = setTimeout(() => {
      child.kill("SIGKILL")
      resolve({ failure: `it did not finish within ${limit / 1000} s and was killed` })
    }, limit)
    let answer: Answer | undefined
    const settle = (otherwise: string): void => {
      clearTimeout(timer)
      resolve(answer ?? { failure: otherwise })
    }
    child.once("message", (message: Answer) => {
      answer = message
    })
    child.once("exit", (code, signal) => settle(`its process ended with ${signal ?? `code ${code}`}`))
    child.once("error", (cause) => settle(cause.message))
    child.send(assignment)
  })
