/**
 * A child process as the place of a worker: how it is started, and what joins it to its parent.
 *
 * | descriptor | what |
 * |---|---|
 * | 3 | IPC: `Boot` and `Report`, through `effect/workers` |
 * | 4 | the mirror's bytes, both ways |
 * | 5 | the lifeline: it closes when the parent is gone, however it went |
 * | 6 | what the child has in hand (`SharedPage`) |
 * | 7 | where the files of its imports are (`Resolutions`), if somebody found out |
 *
 * @since 0.1.0
 */
import { type ChildProcess, spawn } from "node:child_process"
import { Socket } from "node:net"
import { constants } from "node:os"
import type { ControlPage } from "@shared-nothing/core/ControlPage"
import { resolving } from "./Resolutions.ts"
import * as SharedPage from "./SharedPage.ts"

const mirrorDescriptor = 4
const lifelineDescriptor = 5
const pageDescriptor = 6
const resolutionsDescriptor = 7

/** How long after its module a child goes on importing what belongs to its start, in milliseconds. */
const startMillis = 50

/** How long a child whose parent is gone may take to end by itself, in milliseconds. */
const orphanMillis = 500

/**
 * Watches the lifeline from a thread of its own, so that a worker that never returns to its event
 * loop does not outlive its parent.
 */
const watcher = `
const socket = new (require("node:net").Socket)({ fd: ${lifelineDescriptor} })
socket.on("error", () => {}).on("close", () => setTimeout(() => process.kill(process.pid, "SIGKILL"), ${orphanMillis}))
socket.resume()`

/**
 * What a child runs first, inline as for threads. A terminal's interrupt reaches every process of
 * its group: the parent alone decides what it means. What a child dies of is told to the parent: why it cannot be
 * imported to the parent alone. `knows` is whether it was handed resolutions: the descriptor is something else's if not.
 */
const bootstrap = (knows: boolean) => `
process.on("SIGINT", () => {})
const tell = (error, then) => {
  const thrown = () => ({ name: "Error", message: typeof error === "string" ? error : require("node:util").inspect(error) })
  const { message, name, stack = message } = error instanceof Error ? error : thrown()
  const crashed = { _tag: "Crashed", name: String(name), message: String(message), stack: String(stack) }
  if (process.connected) process.send([1, crashed], then)
  else then?.()
}
process.on("uncaughtExceptionMonitor", (error) => tell(error))
new (require("node:worker_threads").Worker)(${JSON.stringify(watcher)}, { eval: true, execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 16 } }).unref()
const { enableCompileCache, flushCompileCache } = require("node:module")
enableCompileCache?.()
const read = () => {
  const { closeSync, fstatSync, readSync } = require("node:fs")
  try {
    const bytes = Buffer.alloc(fstatSync(${resolutionsDescriptor}).size)
    // Others read it, too: not from where they are.
    readSync(${resolutionsDescriptor}, bytes, 0, bytes.length, 0)
    closeSync(${resolutionsDescriptor})
    return JSON.parse(bytes.toString())
  } catch {}
}
const known = ${knows} ? read() : undefined
const found = known ?? Object.create(null)
const hooks = (${resolving})(found, known !== undefined)
import(process.argv[1]).then(() => setTimeout(() => {
  hooks.deregister()
  if (known === undefined && process.connected) process.send([1, { _tag: "Resolved", found: JSON.stringify(found) }])
  // One that is killed writes nothing as it exits.
  flushCompileCache?.()
}, ${startMillis}).unref(), (error) => {
  // Where a syntax error of plain JavaScript is, only what Node.js writes as it dies of it says.
  if (error instanceof SyntaxError && String(error.stack).startsWith("SyntaxError")) throw error
  tell(error, () => process.exit(1))
})`

/** Flags of this process that say what to run, or belong to one process only. */
const own =
  /^(?:-[epci]|-pe|--(?:eval|print|check|interactive|test|watch|inspect|cpu-prof|heap-prof|input-type|run).*)$/
const withValue = /^(?:-[ep]|-pe|--(?:eval|print|input-type|run|watch-path))$/

/**
 * This process's flags, without those that a child must not have.
 *
 * @category accessors
 * @since 0.1.0
 */
export const inheritedFlags = (flags: ReadonlyArray<string> = process.execArgv): Array<string> => {
  const kept: Array<string> = []
  for (let i = 0; i < flags.length; i++) {
    if (!own.test(flags[i])) kept.push(flags[i])
    else if (withValue.test(flags[i])) i++
  }
  return kept
}

/**
 * Starts a child that imports `module`. It shares this process's output. `page` is the descriptor of a `SharedPage`,
 * `resolutions` that of what `Resolutions` knows of the module, if anything.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start = (
  module: URL,
  flags: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>,
  args: ReadonlyArray<string>,
  page: number,
  resolutions: number | undefined
): ChildProcess =>
  spawn(
    process.execPath,
    [...inheritedFlags(), ...flags, "--eval", bootstrap(resolutions !== undefined), module.href, ...args],
    {
      env: { ...process.env, ...env },
      stdio: [
        "ignore",
        "inherit",
        "inherit",
        "ipc",
        "pipe",
        "pipe",
        page,
        ...(resolutions === undefined ? [] : [resolutions])
      ],
      serialization: "advanced"
    }
  )

/**
 * The parent's end of the mirror's pipe. It does not hold the event loop open.
 *
 * @category accessors
 * @since 0.1.0
 */
export const pipeOf = (child: ChildProcess): Socket => {
  const ends: ReadonlyArray<unknown> = child.stdio
  const pipe = ends[mirrorDescriptor] as Socket
  // The child ends its side first; it leaves when the parent answers in kind.
  pipe.allowHalfOpen = true
  return pipe.unref()
}

/**
 * The parent's end of the lifeline. It does not hold the event loop open.
 *
 * @category accessors
 * @since 0.1.0
 */
export const lifelineOf = (child: ChildProcess): Socket => {
  const ends: ReadonlyArray<unknown> = child.stdio
  const lifeline = ends[lifelineDescriptor] as Socket
  return lifeline.on("error", () => {}).unref()
}

/**
 * The child's end of the mirror's pipe.
 *
 * @category constructors
 * @since 0.1.0
 */
export const openPipe = (): Socket => new Socket({ fd: mirrorDescriptor, allowHalfOpen: true })

/**
 * The child's side of its `SharedPage`, of so many bytes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const openPage = (bytes: number): ControlPage => SharedPage.open(pageDescriptor, bytes)

/**
 * How a process ended, in words, and as the exit code that a shell would show.
 *
 * @category converting
 * @since 0.1.0
 */
export const describeExit = (
  code: number | null,
  signal: NodeJS.Signals | null
): { readonly detail: string; readonly exitCode: number } => {
  if (signal === null) return { detail: `its process exited with code ${code}`, exitCode: code ?? 0 }
  const hint = signal === "SIGABRT" ? ", as when it runs out of memory" : ""
  return { detail: `its process was ended by ${signal}${hint}`, exitCode: 128 + constants.signals[signal] }
}
