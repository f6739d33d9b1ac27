import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Codec from "@shared-nothing/core/Codec"
import * as WorkerPool from "@shared-nothing/core/WorkerPool"
import * as NodeProcesses from "@shared-nothing/platform/NodeProcesses"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { Ledger } from "./Ledger.ts"
import { isAlive, until } from "./processes.ts"

const module = new URL("./Ledger.worker.ts", import.meta.url)
const layer = NodeProcesses.layer([Ledger, module])
const options = { size: 1, initData: { log: "", init: "succeed" } } as const

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => ({ key: "a", n: from + i }))

const logFile = Effect.acquireRelease(
  Effect.sync(() => path.join(mkdtempSync(path.join(tmpdir(), "ledger-")), "log")),
  (file) => Effect.sync(() => rmSync(path.dirname(file), { recursive: true }))
)
const readLog = (file: string) => readFileSync(file, "utf8").trimEnd().split("\n")

describe("NodeProcesses", () => {
  it.live("handles 100,000 messages, each once and in order", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Ledger, options)
      for (let n = 0; n < 100_000; n += 1000) yield* pool.sendAll(range(n, n + 1000))
      assert.deepStrictEqual(yield* pool.ask("a", "Summary", undefined), {
        count: 100_000,
        inOrder: true,
        last: 99_999
      })
      yield* pool.drained
      const [stats] = yield* pool.stats
      assert.deepStrictEqual([stats.state, stats.handled, stats.depth], ["Running", 100_001, 0])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.live("runs each worker in a process of its own, which ends with the pool", () =>
    Effect.gen(function* () {
      const pids = yield* Effect.scoped(
        Effect.flatMap(WorkerPool.make(Ledger, { ...options, size: 2 }), (pool) => pool.askAll("Pid", undefined))
      )
      assert.strictEqual(new Set([...pids, process.pid]).size, 3)
      for (const pid of pids) assert.isFalse(isAlive(pid))
    }).pipe(Effect.provide(layer))
  )

  it.live("carries messages and replies larger than the mailbox, copied and moved, and streams", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Ledger, options)
      const bytes = Uint8Array.from({ length: 3_000_000 }, (_, i) => i * 31)
      assert.isTrue(Buffer.from(bytes).equals(yield* pool.ask("a", "Echo", { bytes })))
      const moved = Codec.moved(bytes.slice())
      assert.isTrue(Buffer.from(bytes).equals(yield* pool.ask("a", "Echo", { bytes: moved })))
      assert.strictEqual(moved.length, 0)
      const numbers = yield* Stream.runCollect(pool.ask("a", "Count", { to: 5000 }))
      assert.deepStrictEqual(
        numbers,
        Array.from({ length: 5000 }, (_, i) => i + 1)
      )
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.live("stops after what was sent before, and shuts down", () =>
    Effect.gen(function* () {
      const log = yield* logFile
      yield* Effect.scoped(
        Effect.flatMap(WorkerPool.make(Ledger, { size: 1, initData: { log, init: "succeed" } }), (pool) =>
          pool.sendAll(range(0, 4000))
        )
      )
      assert.deepStrictEqual(readLog(log), [...Array.from({ length: 4000 }, (_, n) => String(n)), "shutdown"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.live("pauses ahead of what is in the mailbox, resumes and answers pings", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Ledger, options)
      const worker = yield* pool.worker("Ledger/0")
      yield* worker.ping
      yield* worker.pause
      yield* worker.sendAll(range(0, 1000))
      yield* worker.ping
      const [paused] = yield* pool.stats
      assert.deepStrictEqual([paused.state, paused.handled, paused.depth], ["Paused", 0, 1000])
      yield* worker.resume
      yield* pool.drained
      assert.strictEqual((yield* pool.ask("a", "Summary", undefined)).count, 1000)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )
})

describe("NodeProcesses, when a worker dies", () => {
  it.live("keeps what it had not handled for its successor, in order", () =>
    Effect.gen(function* () {
      const log = yield* logFile
      const pool = yield* WorkerPool.make(Ledger, { size: 1, initData: { log, init: "succeed" } })
      const worker = yield* pool.worker("Ledger/0")
      let accepted = 0
      for (let life = 0; life < 3; life++) {
        const pid = yield* pool.ask("a", "Pid", undefined)
        const from = accepted
        // Sends until the worker is dead; only the first 4000 are sure to be on their way before.
        while (true) {
          if (accepted - from === 4000) process.kill(pid, "SIGKILL")
          const batch = range(accepted, accepted + 500)
          const unsent = yield* worker.sendAll(batch).pipe(
            Effect.as(0),
            Effect.catchTag("WorkerNotRunning", (error) => Effect.succeed(error.unsent.length))
          )
          accepted += batch.length - unsent
          if (unsent > 0) break
        }
        assert.isFalse(isAlive(pid))
        yield* worker.start
      }
      yield* pool.drained
      const numbers = readLog(log).map(Number)
      assert.strictEqual(numbers[0], 0)
      let next = 1
      for (const n of numbers.slice(1)) {
        // The next one, or, from a successor, one that was handled and not acknowledged.
        assert.isAtMost(n, next)
        next = n + 1
      }
      assert.strictEqual(next, accepted)
      assert.strictEqual(new Set(numbers).size, accepted)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.live("names the signal, and leaves the other workers alone", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Ledger, { ...options, size: 2 })
      const [pid] = yield* pool.askAll("Pid", undefined)
      const asked = yield* Effect.forkChild(Effect.flip(pool.askTo("Ledger/0", "Spin", undefined)), {
        startImmediately: true
      })
      yield* pool.askTo("Ledger/1", "Pid", undefined)
      process.kill(pid, "SIGKILL")
      const error = yield* Fiber.join(asked)
      assert.strictEqual(error._tag, "WorkerPanicked")
      assert.match(error.message, /ended by SIGKILL/)
      assert.strictEqual(error._tag === "WorkerPanicked" ? error.exitCode : 0, 137)
      assert.isNumber(yield* pool.askTo("Ledger/1", "Pid", undefined))
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  for (const shape of ["array", "map", "string"] as const) {
    it.live(`outlives a worker that runs out of memory (${shape})`, () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make(Ledger, { ...options, size: 2, worker: { heapMegabytes: 32 } })
        const error = yield* Effect.flip(pool.askTo("Ledger/0", "Exhaust", { shape }))
        assert.strictEqual(error._tag, "WorkerPanicked")
        assert.match(error.message, /its process (was ended by SIG|exited with code)/)
        assert.isNumber(yield* pool.askTo("Ledger/1", "Pid", undefined))
        const worker = yield* pool.worker("Ledger/0")
        assert.strictEqual(yield* worker.state, "Stopped")
      }).pipe(Effect.scoped, Effect.provide(layer))
    )
  }

  it.live("has the panic of a handler, and what was thrown outside of one", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Ledger, { ...options, size: 2 })
      const thrown = yield* Effect.flip(pool.askTo("Ledger/0", "Throw", undefined))
      assert.match(thrown.message, /panicked in Throw: Error: thrown/)
      const crashed = yield* Effect.flip(pool.askTo("Ledger/1", "Crash", undefined))
      assert.match(crashed.message, /panicked in run: RangeError: crashed/)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )
})

describe("NodeProcesses, when a worker does not start", () => {
  const failure = (
    to: typeof layer,
    settings: {
      readonly size: 1
      readonly startTimeout?: number
      readonly initData: typeof Ledger.initData.Type
      readonly worker?: { readonly cpuAffinity: number }
    } = options
  ) => Effect.flip(Effect.scoped(Effect.provide(WorkerPool.make(Ledger, settings), to)))

  it.live("says that its module is missing, with the path", () =>
    Effect.gen(function* () {
      const missing = new URL("./Missing.worker.ts", import.meta.url)
      const error = yield* failure(NodeProcesses.layer([Ledger, missing]))
      assert.strictEqual(error._tag, "InvalidConfig")
      assert.include(error.message, path.join(import.meta.dirname, "Missing.worker.ts"))
    })
  )

  it.live("says what its module threw", () =>
    Effect.gen(function* () {
      const throwing = new URL("./Throwing.worker.ts", import.meta.url)
      const error = yield* failure(NodeProcesses.layer([Ledger, throwing]))
      assert.match(error.message, /panicked in import: TypeError: thrown while it was imported/)
    })
  )

  it.live("says that its init failed, or took too long", () =>
    Effect.gen(function* () {
      const failed = yield* failure(layer, { size: 1, initData: { log: "", init: "fail" } })
      assert.match(failed.message, /panicked in init: no ledger/)
      const hung = yield* failure(layer, { size: 1, startTimeout: 1500, initData: { log: "", init: "hang" } })
      assert.strictEqual(hung._tag, "Timeout")
    })
  )

  it.live("refuses a processor number that is none", () =>
    Effect.gen(function* () {
      const error = yield* failure(layer, {
        size: 1,
        initData: { log: "", init: "succeed" },
        worker: { cpuAffinity: 1.5 }
      })
      assert.strictEqual(error._tag, "InvalidConfig")
    })
  )
})

describe("NodeProcesses, and the life of the parent", () => {
  /** Starts a program that has a child as its worker, and waits until it has told the child's process id. */
  const start = (mode: "spin" | "wait" | "idle") =>
    Effect.callback<{ readonly parent: ChildProcess; readonly pid: number }>((resume) => {
      const parent = spawn(process.execPath, [path.join(import.meta.dirname, "parent.script.ts"), mode], {
        stdio: ["ignore", "pipe", "inherit"]
      })
      parent.stdout!.once("data", (line: Buffer) => {
        const { count, pid } = JSON.parse(line.toString()) as { readonly count: number; readonly pid: number }
        assert.strictEqual(count, 1000)
        resume(Effect.succeed({ parent, pid }))
      })
    })

  for (const mode of ["wait", "spin"] as const) {
    it.live(`ends the child of a parent that was killed, also one that ${mode}s`, () =>
      Effect.gen(function* () {
        const { parent, pid } = yield* start(mode)
        assert.isTrue(isAlive(pid))
        parent.kill("SIGKILL")
        yield* until("the end of the child", () => !isAlive(pid))
      })
    )
  }

  it.live("lets a parent end that has nothing more to do", () =>
    Effect.gen(function* () {
      const { parent, pid } = yield* start("idle")
      yield* until("the end of the parent", () => parent.exitCode !== null)
      assert.strictEqual(parent.exitCode, 0)
      yield* until("the end of the child", () => !isAlive(pid))
    })
  )

  it.live("is not ended by an interrupt that its parent gets, too", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make(Ledger, options)
      const pid = yield* pool.ask("a", "Pid", undefined)
      process.kill(pid, "SIGINT")
      for (let i = 0; i < 20; i++) assert.strictEqual(yield* pool.ask("a", "Pid", undefined), pid)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )
})
