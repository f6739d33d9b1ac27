/**
 * Where figures were taken: without it they mean nothing.
 *
 * @since 0.1.0
 */
import { execFileSync } from "node:child_process"
import { arch, availableParallelism, cpus, platform, release, totalmem } from "node:os"

const output = (command: string, ...args: ReadonlyArray<string>): string | undefined => {
  try {
    return execFileSync(command, args, {
      cwd: import.meta.dirname,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"]
    }).trim()
  } catch {
    return undefined
  }
}

const commit = (): string => {
  const hash = output("git", "rev-parse", "--short", "HEAD")
  if (hash === undefined) return "unknown"
  return output("git", "status", "--porcelain") === "" ? hash : `${hash} with changes`
}

/**
 * Machine, operating system, Node, Rust where there is one, and commit.
 *
 * @category machine
 * @since 0.1.0
 */
export const describeMachine = (): ReadonlyArray<readonly [string, string]> => [
  ["Processor", `${cpus()[0]?.model.trim() ?? "unknown"}, ${availableParallelism()} logical cores`],
  ["Memory", `${(totalmem() / 2 ** 30).toFixed(1)} GiB`],
  ["System", `${platform()} ${release()} ${arch()}`],
  ["Node", `${process.version}, V8 ${process.versions.v8}`],
  ["Rust", output("rustc", "--version") ?? "none"],
  ["Commit", commit()]
]
