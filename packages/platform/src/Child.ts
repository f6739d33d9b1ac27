/**
 * A child process as the place of a worker: how it is started, and what joins it to its parent.
 *
 * | descriptor | what |
 * |---|---|
 * | 3 | IPC: `Boot` and `Report`, through `effect/workers` |
 * | 4 | the mirror's bytes, both ways |
 * | 5 | the lifeline: it closes when the parent is gone, however it went; and what the child was seen at |
 *
 * @since 0.1.0
 */
import { type ChildProcess, spawn } from "node:child_process"
import { writeSync } from "node:fs"
import { Socket } from "node:net"
import { constants } from "node:os"
import type { Worker } from "node:worker_threads"

const mirrorDescriptor = 4
const lifelineDescriptor = 5

/** How long a child whose parent is gone may take to end by itself, in milliseconds. */
const orphanMillis = 500

/** How often the watcher looks at what is in hand, in milliseconds: while there is something, and while there is not. */
const lookMillis = 5
const idleMillis = 20

/**
 * Watches the lifeline from a thread of its own, so that a worker that never returns to its event
 * loop does not outlive its parent; and says when the worker has had the same frame in hand at two looks, and at
 * every look from then on: nobody else can. The first three words say which frame.
 */
const watcher = `
const socket = new (require("node:net").Socket)({ fd: ${lifelineDescriptor} })
socket.on("error", () => {}).on("close", () => setTimeout(() => process.kill(process.pid, "SIGKILL"), ${orphanMillis}))
socket.resume()
require("node:worker_threads").parentPort.once("message", ({ control, words }) => {
  const block = new Int32Array(control)
  let last = words.map(() => 0)
  let looked = performance.now()
  let since = 0
  let told = false
  const look = () => {
    const seen = words.map((word) => Atomics.load(block, word))
    const now = performance.now()
    const stays = seen[0] !== 0 && last[0] !== 0 && seen[1] === last[1] && seen[2] === last[2]
    // It was taken in hand between two looks.
    if (!stays) since = (looked + now) / 2
    looked = now
    last = seen
    setTimeout(look, seen[0] === 0 ? ${idleMillis} : ${lookMillis})
    if (!(stays || told) || socket.writableLength > 0) return
    told = stays
    socket.write(new Uint8Array(Int32Array.from([...seen, stays ? Math.ceil(now - since) : 0]).buffer))
  }
  look()
})`

/** Where the bootstrap leaves the watcher for the worker's module to find. */
const watcherName = "shared-nothing/watcher"

/**
 * What a child runs first, inline as for threads. A terminal's interrupt reaches every process of
 * its group: the parent alone decides what it means. What a child dies of is told to the parent.
 */
const bootstrap = `
process.on("SIGINT", () => {})
process.on("uncaughtExceptionMonitor", (error) => {
  const { message, name, stack } = error instanceof Error ? error : { name: "Error", message: String(error) }
  if (process.connected) process.send([1, { _tag: "Crashed", name: String(name), message: String(message), stack: String(stack) }])
})
const watcher = new (require("node:worker_threads").Worker)(${JSON.stringify(watcher)}, { eval: true, execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 16 } })
watcher.unref()
globalThis[Symbol.for("${watcherName}")] = watcher
require("node:module").enableCompileCache?.()
import(process.argv[1])`

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
 * Starts a child that imports `module`. It shares this process's output.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start = (
  module: URL,
  flags: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>,
  args: ReadonlyArray<string>
): ChildProcess =>
  spawn(process.execPath, [...inheritedFlags(), ...flags, "--eval", bootstrap, module.href, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "inherit", "inherit", "ipc", "pipe", "pipe"],
    serialization: "advanced"
  })

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
 * Has the watcher of this process look at what is in hand: at these words of `control`.
 *
 * @category runners
 * @since 0.1.0
 */
export const watch = (control: SharedArrayBuffer, words: ReadonlyArray<number>): void => {
  const globals = globalThis as { readonly [watcher: symbol]: Worker | undefined }
  globals[Symbol.for(watcherName)]?.postMessage({ control, words })
}

/**
 * Says something to the parent at once, so that a process that exits can, too. Not heard if the parent is gone or
 * has much to read.
 *
 * @category runners
 * @since 0.1.0
 */
export const say = (bytes: Uint8Array): void => {
  try {
    writeSync(lifelineDescriptor, bytes)
  } catch {
    // Nobody listens.
  }
}

/**
 * The child's end of the mirror's pipe.
 *
 * @category constructors
 * @since 0.1.0
 */
export const openPipe = (): Socket => new Socket({ fd: mirrorDescriptor, allowHalfOpen: true })

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
