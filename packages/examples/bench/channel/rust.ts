/**
 * Rivals in Rust: the programs of `../rust`, compiled on the spot where there is a compiler.
 *
 * @since 0.1.0
 */
import { execFile } from "node:child_process"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { type RunSubject, Unavailable } from "../harness/Suite.ts"

const execute = promisify(execFile)

const programs = ["sync_channel", "lane"]

/**
 * Compiles every program; the subjects' `prepare`.
 *
 * @category running
 * @since 0.1.0
 */
export const compile = async (folder: string): Promise<{ readonly folder: string }> => {
  for (const program of programs) {
    const source = fileURLToPath(new URL(`../rust/${program}.rs`, import.meta.url))
    try {
      await execute("rustc", ["-O", "--edition", "2021", "-o", join(folder, program), source])
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") throw new Unavailable("there is no rustc on this machine")
      throw cause
    }
  }
  return { folder }
}

interface Report {
  readonly sent: number
  readonly received: number
  readonly faults: number
  readonly nanos: number
  readonly measured: number
}

/**
 * @category running
 * @since 0.1.0
 */
export const run: RunSubject<{ readonly folder: string; readonly program: string; readonly senders: number }> = async (
  args,
  load
) => {
  const { stdout } = await execute(join(args.folder, args.program), [
    String(args.senders),
    String(load.warmUpMillis),
    String(load.measureMillis)
  ])
  const report: Report = JSON.parse(stdout)
  const nsPerMessage = report.measured === 0 ? Number.NaN : report.nanos / report.measured
  return {
    metrics: { nsPerMessage, messagesPerSecond: 1e9 / nsPerMessage },
    expected: `${report.sent} messages with 0 out of order or damaged`,
    arrived: `${report.received} messages with ${report.faults} out of order or damaged`
  }
}
